"""From a source's name to images by memory map: prepared when that is needed, opened otherwise."""

import hashlib
import json

from ganvas import console
from ganvas.data import cache, manifest, sources
from ganvas.data.config import DataConfig
from ganvas.data.prepare import VERSION, prepare
from ganvas.data.prepared import PreparedSet
from ganvas.data.sources.hub import HubSet
from ganvas.errors import RunFailedError


def open_source(source: str, spec: DataConfig | None = None, processes: int | None = None) -> PreparedSet:
    """Opens a set, preparing it first where it has not been, or where its source changed since.

    `say` is told what happens, a line at a time. `processes` prepare it: by default one a core for a large set.
    A UserError says in one sentence what is wrong with the source.
    """
    spec = spec or DataConfig()
    found = sources.find_source(source, spec.attribute)
    place = _digest([found.name, sources.location_of(source), spec.model_dump(exclude={"accept_refused"}), VERSION])
    key = _digest([place, found.state()])
    folder = cache.prepared_folder(found.name, key)
    prepared = cache.load_prepared(folder)
    if prepared is None:
        if folder.exists():
            console.info(f"the prepared set {folder} is damaged: preparing it again")
        else:
            cache.note_state(found.name, place, key)
        with cache.building(folder) as unfinished:
            scratch = unfinished / "scratch"
            scratch.mkdir()
            if isinstance(found, HubSet):
                console.info(found.licence())
            prepare(found.contents(scratch), spec, found.name, unfinished, processes)
            for path in scratch.iterdir():
                path.unlink()
            scratch.rmdir()
        prepared = cache.load_prepared(folder)
    if prepared is None:
        raise RunFailedError(f"the prepared set {folder} cannot be read back")
    refused = prepared.manifest["refused"]
    manifest.refuse_too_many(refused, len(prepared.pixels) + len(refused), spec.accept_refused)
    return prepared


def _digest(values: object) -> str:
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()
