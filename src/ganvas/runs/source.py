"""The set that a run was trained on, found again wherever one stands.

A record holds the set's resolved place. Runs of earlier versions recorded what was typed, and so what it was relative
to has to be guessed; the fingerprint of what is found there shows whether the guess was right.
"""

from dataclasses import replace
from pathlib import Path

from ganvas import console
from ganvas.data import PreparedSet, open_source
from ganvas.data.config import DataConfig
from ganvas.data.sources import find_source, is_place, location_of
from ganvas.errors import UserError
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import DataFacts, RunRecord, difference_of_data, require_same_data


def is_there(source: str) -> bool:
    """Whether a source is a name, or a file or folder that exists."""
    return not is_place(source) or Path(location_of(source)).exists()


def places_of(record: RunRecord, folder: Path) -> list[str]:
    """Where the set of the run in `folder` may lie, the likeliest first: one place, unless it was recorded as relative.

    A run without --out is in `runs/NAME` below the folder in which it was begun, so that folder comes first, then the
    one around the run, then the one that one stands in.
    """
    source, run = record.run.source, folder.resolve()
    if not is_place(source) or Path(source).is_absolute() or source.startswith("~"):
        return [location_of(source)]
    places = dict.fromkeys(location_of(str(base / source)) for base in (run.parent.parent, run.parent, Path.cwd()))
    return [place for place in places if run not in (Path(place), *Path(place).parents)]


def recorded_place(folder: RunFolder) -> str | None:
    """Where the set of a run lies, a path or a name; None where it lies there no more."""
    return next(filter(is_there, places_of(folder.read(), folder.path)), None)


def source_of(run: Path) -> str | None:
    """Where the set of a run lies, a path or a name; None for a bundle alone, or a set that is gone."""
    try:
        return recorded_place(RunFolder(run))
    except UserError:
        return None


def open_as_recorded(place: str, data: DataConfig, facts: DataFacts) -> PreparedSet:
    """The set at a place, prepared as a run knows it.

    Sizes and channels that were left open may be chosen in another way than by the version that recorded the run. Where
    they are, the recorded ones are taken.
    """
    prepared = open_source(place, data)
    if (prepared.size, prepared.channels) == (facts.size, facts.channels):
        return prepared
    known = {"size": data.size or facts.size, "channels": data.channels or facts.channels}
    return open_source(place, DataConfig(**{**dict(data), **known}))


def open_training_set(folder: RunFolder, moved_to: str | None = None) -> PreparedSet:
    """The prepared set that a run was trained on; moved_to: where it lies now, if not where it was.

    UserError, with the places that were searched, if it is not there, and with the difference if it is another.
    """
    record = folder.read()
    places = [moved_to] if moved_to is not None else list(filter(is_there, places_of(record, folder.path)))
    if not places:
        raise UserError(refusal_of_missing(record, folder))
    for place in places:
        try:
            prepared = open_as_recorded(place, record.run.data, record.data)
        except UserError:
            if place == places[-1]:
                raise
            continue
        if prepared.fingerprint == record.data.fingerprint:
            return replace(prepared, name=record.data.name)  # moved or not, it has one name, and one evaluator
    difference = difference_of_data(record.data, prepared)
    if moved_to is not None:
        raise UserError(f"--source {moved_to} is not what {folder.path} was trained on: {difference}")
    raise UserError(
        f"{place} is no longer what {folder.path} was trained on: {difference}; bring them back, or give --source "
        "PLACE if they lie elsewhere now"
    )


def refusal_of_missing(record: RunRecord, folder: RunFolder) -> str:
    """The sentence for a set that is nowhere where it may be."""
    places = " or ".join(places_of(record, folder.path))
    return f"the set that {folder.path} was trained on is not at {places}; if it has moved, give --source PLACE"


def place_to_resume(source: str, record: RunRecord, folder: RunFolder, moved_to: str | None) -> tuple[str, str]:
    """(where the set of a run lies as recorded, where it lies as asked): equal if SOURCE, as typed, is the run's set.

    A set that is gone from its recorded place is taken to have moved to the new one; its fingerprint is compared later.
    UserError where there is neither, or nothing where it is said to have moved to.
    """
    if moved_to is not None:
        find_source(moved_to)
        return (place := location_of(moved_to)), place
    places, asked = places_of(record, folder.path), location_of(source)
    recorded = next(filter(is_there, places), None)
    if not is_there(source):
        if recorded is None:
            raise UserError(refusal_of_missing(record, folder))
        # The same command in another folder, in which there is nothing of that name.
        return recorded, recorded if source == record.asked.source else asked
    return (asked, asked) if recorded is None or asked in places else (recorded, asked)


def note_place(place: str, prepared: PreparedSet, folder: RunFolder) -> RunRecord:
    """Records where the set of a run lies now, once it is known to be the same; returns the record."""
    record = folder.read()
    require_same_data(str(folder.path), record.data, prepared)
    if record.run.source != place:
        if place not in places_of(record, folder.path):
            console.info(f"the set of {folder.path} lies in {place} now")
        record = record.model_copy(update={"run": record.run.model_copy(update={"source": place})})
        folder.write(record)
    return record
