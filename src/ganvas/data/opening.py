"""From a source's name to pictures by memory map: prepared when that is needed, opened otherwise."""

import hashlib
import json
from collections.abc import Callable

from ganvas.data import cache, report, sources
from ganvas.data.hub import Hub
from ganvas.data.prepare import VERSION, prepare
from ganvas.data.prepared import Prepared
from ganvas.data.spec import Data
from ganvas.errors import RunFailedError


def open_source(
    source: str, spec: Data | None = None, say: Callable[[str], None] = lambda line: None, processes: int | None = None
) -> Prepared:
    """Opens a set, preparing it first where it has not been, or where its source changed since.

    `say` is told what happens, a line at a time. `processes` prepare it: by default one a core for a large set.
    A UserError says in one sentence what is wrong with the source.
    """
    spec = spec or Data()
    found = sources.find(source, spec.attribute)
    place = _digest([found.name, sources.place_of(source), spec.model_dump(exclude={"accept_refused"}), VERSION])
    key = _digest([place, found.state()])
    folder = cache.prepared_folder(found.name, key)
    prepared = cache.load(folder)
    if prepared is None:
        if folder.exists():
            say(f"the prepared set {folder} is damaged: preparing it again")
        else:
            cache.remember(found.name, place, key, say)
        with cache.building(folder) as unfinished:
            scratch = unfinished / "scratch"
            scratch.mkdir()
            if isinstance(found, Hub):
                say(found.licence())
            prepare(found.contents(scratch), spec, found.name, unfinished, say, processes)
            for path in scratch.iterdir():
                path.unlink()
            scratch.rmdir()
        prepared = cache.load(folder)
    if prepared is None:
        raise RunFailedError(f"the prepared set {folder} cannot be read back")
    refused = prepared.manifest["refused"]
    report.refuse_too_many(refused, len(prepared.pixels) + len(refused), say, spec.accept_refused)
    return prepared


def _digest(values: object) -> str:
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()
