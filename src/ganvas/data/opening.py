"""From a source's name to its images: prepared where that is needed, opened otherwise."""

import hashlib
import json
import shutil

from ganvas import console
from ganvas.data import cache, manifest, sources
from ganvas.data.config import DataConfig
from ganvas.data.prepare import VERSION, prepare
from ganvas.data.prepared import PreparedSet
from ganvas.data.sources.hub import HubSet
from ganvas.errors import RunFailedError


def open_source(source: str, config: DataConfig | None = None, processes: int | None = None) -> PreparedSet:
    """Opens a set, preparing it first where it has not been, or where its source changed since.

    `processes` prepare it: by default one a core for a large set. A UserError says in one sentence what is wrong with
    the source. Prepared sets lie in the folder named by GANVAS_CACHE, else in the user's cache folder.
    """
    config = config or DataConfig()
    origin = sources.find_source(source, config.attribute)
    choices = config.model_dump(exclude={"accept_refused"})
    # The format of the manifest is a part of the key, so that sets with older manifests are left alone, not misread.
    source_key = _digest([origin.name, sources.location_of(source), choices, VERSION, manifest.FORMAT])
    key = _digest([source_key, origin.state()])
    folder = cache.prepared_folder(origin.name, key)
    prepared = cache.load_prepared(folder)
    if prepared is None:
        if folder.exists():
            console.info(f"the prepared set {folder} is damaged: preparing it again")
        else:
            cache.note_state(origin.name, source_key, key)
        with cache.building(folder) as unfinished:
            scratch = unfinished / "scratch"
            scratch.mkdir()
            if isinstance(origin, HubSet):
                console.info(origin.licence())
            prepare(origin.contents(scratch), config, origin.name, unfinished, processes)
            shutil.rmtree(scratch)
        prepared = cache.load_prepared(folder)
    if prepared is None:
        raise RunFailedError(f"the prepared set {folder} cannot be read back")
    refused = prepared.manifest.refused
    manifest.refuse_too_many(refused, len(prepared.pixels) + len(refused), config.accept_refused)
    return prepared


def _digest(values: object) -> str:
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()
