"""All runs of a folder at a glance: state, recipe, set, score and time, from small files that are read once."""

import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ganvas import files
from ganvas.console import printable
from ganvas.errors import UserError
from ganvas.evaluation.scorecard import read_scorecard
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import RunRecord
from ganvas.settings import Settings
from ganvas.sizes import Size, StoredSize
from ganvas.studio.holders import Holders, holder_of, lock_holders
from ganvas.studio.places import Places

RunState = Literal["starting", "running", "finished", "stopped", "interrupted", "diverged", "died", "unreadable"]
LOG_END_BYTES = 16 << 10
SCORES = ("label_accuracy", "fcd", "auc", "kid")


class RunScores(Settings):
    """The newest scores: of the scorecard, or of the log where it was scored while training."""

    label_accuracy: float | None = None
    fcd: float | None = None
    auc: float | None = None
    kid: float | None = None


class RunSummary(Settings):
    """One run in the list."""

    name: str
    state: RunState
    reason: str = ""
    """Why it ended early, or cannot be read, where that is known."""
    recipe: str = ""
    source: str = ""
    """The set's name."""
    size: StoredSize = Size.square(0)
    channels: int = 0
    classes: tuple[str, ...] = ()
    images: int = 0
    """Images shown so far."""
    total: int = 0
    """Images planned."""
    seconds: float = 0.0
    """Of training."""
    images_per_second: float | None = None
    changed: float = 0.0
    """When the log was last written, in seconds since 1970."""
    scores: RunScores = RunScores()
    preview: int | None = None
    """The newest preview, by its images."""
    can_sample: bool = False
    """Whether it has weights of a generator."""
    has_scorecard: bool = False


class Stamp(NamedTuple):
    """When the files that a summary is made of were written."""

    record: int
    log: int
    log_bytes: int
    previews: int
    bundle: int
    checkpoints: int
    scorecard: int


class Summaries:
    """The list of runs. A run whose files have not changed is not read again."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._known: dict[Path, tuple[Stamp, RunSummary, bool]] = {}

    def all(self) -> list[RunSummary]:
        """Every run, the one that changed last first."""
        holders, found, known = lock_holders(), [], {}
        for folder in self.places.run_folders():
            known[folder.path] = entry = self._entry(folder)
            found.append(with_state(folder, entry[1], entry[2], holders))
        self._known = known  # without those that were removed
        return sorted(found, key=lambda run: (-run.changed, run.name))

    def one(self, folder: RunFolder) -> RunSummary:
        """The summary of one run."""
        self._known[folder.path] = entry = self._entry(folder)
        return with_state(folder, entry[1], entry[2], lock_holders())

    def _entry(self, folder: RunFolder) -> tuple[Stamp, RunSummary, bool]:
        now = stamp(folder)
        entry = self._known.get(folder.path)
        return entry if entry is not None and entry[0] == now else (now, *summarise(folder, now, self.places))


def stamp(folder: RunFolder) -> Stamp:
    """When the files of a run were written, in nanoseconds; 0 for one that is not there."""

    def written(path: Path) -> tuple[int, int]:
        try:
            found = path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size

    scorecard = folder.path / "scorecard.json"
    others = (folder.previews, folder.bundle, folder.checkpoint_folder, scorecard)
    return Stamp(written(folder.record)[0], *written(folder.log), *(written(path)[0] for path in others))


def summarise(folder: RunFolder, now: Stamp, places: Places) -> tuple[RunSummary, bool]:
    """(a run as its files describe it, whether it was trained to its end)."""
    name = folder.path.name
    try:
        record = folder.read()
    except UserError as error:
        reason = printable(places.without_paths(str(error)))
        return RunSummary(name=name, state="unreadable", reason=reason, changed=now.record / 1e9), True
    line: dict[str, float] = {}
    for each in last_lines(folder.log):
        line |= {key: float(value) for key, value in each.items() if is_number(value)}
    previews = preview_images(folder)
    state: RunState = "died" if record.status == "begun" else record.status
    summary = RunSummary(
        name=name,
        state=state,
        reason=record.events[-1].text if state == "diverged" and record.events else "",
        recipe=record.run.recipe,
        source=record.data.name,
        size=record.data.size,
        channels=record.data.channels,
        classes=record.data.classes if record.run.labels == "on" else (),
        images=int(max(record.images_seen, line.get("images", 0))),
        total=int(line.get("planned_images", record.run.images)),
        seconds=max(record.training_seconds, line.get("seconds", 0.0)),
        images_per_second=line.get("images_per_second"),
        changed=max(now.log, now.record) / 1e9,
        scores=scores_of(folder, line),
        preview=previews[-1] if previews else None,
        can_sample=record.run.pair.kind != "book-classifier" and (folder.bundle.is_dir() or bool(folder.checkpoints())),
        has_scorecard=(folder.path / "scorecard.html").is_file(),
    )
    return summary, record.has_ended


def with_state(folder: RunFolder, summary: RunSummary, has_ended: bool, holders: Holders | None) -> RunSummary:
    """The summary with whether a process trains the run now. One that began and that no process trains has died."""
    if summary.state == "unreadable" or (has_ended and holders == {}):
        return summary
    is_held = holder_of(folder.path / ".lock", holders) is not None
    return summary.model_copy(update={"state": "running", "reason": ""}) if is_held else summary


def last_lines(log: Path) -> list[dict[str, Any]]:
    """The newest records of a log, oldest first, from its last 16 KB. A line that is not whole is left out."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_END_BYTES))
            lines = file.read(LOG_END_BYTES).split(b"\n")
    except OSError:
        return []
    whole = lines[:-1] if size <= LOG_END_BYTES else lines[1:-1]
    return [record for line in whole if (record := files.json_object(line)) is not None]


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number that may be shown: JSON of Python's knows NaN and infinity."""
    return isinstance(value, int | float) and math.isfinite(value)


def scores_of(folder: RunFolder, line: dict[str, float]) -> RunScores:
    """The scores of the scorecard where there is one, else the newest ones of the log."""
    try:
        card = read_scorecard(folder.path / "scorecard.json")
    except UserError:
        return RunScores(**{name: line[name] for name in SCORES if name in line})
    taught = card.distances.get(card.protocol.features.partition("@")[0])
    return RunScores(
        label_accuracy=card.labels.accuracy if card.labels else None,
        fcd=taught.frechet.value if taught and taught.frechet else None,
        auc=card.two_sample.auc.value if card.two_sample else None,
    )


def preview_images(folder: RunFolder) -> list[int]:
    """After how many images each preview was made, ascending."""
    try:
        names = [path.stem for path in folder.previews.iterdir() if path.suffix == ".png"]
    except OSError:
        return []
    return sorted(int(name) for name in names if len(name) == 10 and name.isascii() and name.isdigit())


def record_facts(record: RunRecord) -> dict[str, Any]:
    """A run's record without the paths of this machine."""
    values = record.model_dump(mode="json")
    values["asked"].pop("source", None)
    values["asked"].pop("from", None)
    values["run"].pop("source", None)
    return values
