"""What lies where in a run's folder."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ganvas import files
from ganvas.errors import UserError
from ganvas.runs.record import RunRecord
from ganvas.settings import parse

FORMAT = 2
STATE = "state.safetensors"  # in a checkpoint
BEFORE_THE_RECORD = (
    ".lock",
    files.part_of(Path("run.json")).name,
)  # left by a run that was killed at once


@dataclass(frozen=True)
class RunFolder:
    """A run's folder. Nothing in it is made before it is needed."""

    path: Path

    @property
    def record(self) -> Path:
        """Everything needed to repeat the run, and what it cost."""
        return self.path / "run.json"

    @property
    def log(self) -> Path:
        """One JSON object a line: the truth that all else reads."""
        return self.path / "log.jsonl"

    @property
    def previews(self) -> Path:
        """Images of fixed noise as training went on."""
        return self.path / "previews"

    @property
    def charts(self) -> Path:
        """Losses, scores, kernels, feature maps."""
        return self.path / "charts"

    @property
    def checkpoint_folder(self) -> Path:
        """The last two states to go on from."""
        return self.path / "checkpoint"

    @property
    def bundle(self) -> Path:
        """What the run was for, whole or not at all."""
        return self.path / "bundle"

    @property
    def best(self) -> Path:
        """A bundle: the best state so far, where states were scored, or the one before the watchdog warned."""
        return self.path / "best"

    @property
    def last(self) -> Path:
        """A bundle: the state at the end, where that was not the best one."""
        return self.path / "last"

    def checkpoints(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return sorted(place for place in self.checkpoint_folder.glob("step-" + 10 * "[0-9]") if place.is_dir())

    def exists(self) -> bool:
        """Whether a run was begun here."""
        return self.record.is_file()

    def read(self) -> RunRecord:
        """The record. UserError if this is no run's folder, or a run of another version of ganvas."""
        try:
            values = files.read_json(self.record)
        except files.DamagedError as error:
            raise UserError(f"{self.path} is not a run: {error}") from None
        if values.get("format") != FORMAT:
            raise UserError(
                f"{self.record} has format {values.get('format')!r}; this version of ganvas reads format {FORMAT}. "
                "Train it again with another --out, or use the version that wrote it"
            )
        try:
            return parse(RunRecord, values, prefix="")
        except UserError as error:
            raise UserError(f"{self.record} is damaged: {error}") from None

    def write(self, record: RunRecord) -> None:
        """Writes the record, whole or not at all."""
        files.write_atomic(self.record, files.to_json(record.model_dump(mode="json")))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder against a second process. A dead process holds nothing: the system frees its lock."""
        try:
            with files.lock(self.path / ".lock"):
                yield
        except files.LockedError as process:
            raise UserError(f"{self.path} is being trained by process {process} already") from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Creates and locks the folder. If nothing was begun in it, nothing is left of it, nor of those above it."""
        absent = [path for path in (self.path, *self.path.parents) if not path.exists()]
        create_run_folder(self.path)
        try:
            with self.locked():
                yield
        except KeyboardInterrupt:  # before the loop, which saves first
            if absent and not self.checkpoints():
                self.record.unlink(missing_ok=True)
            raise
        finally:
            if absent and not self.exists():
                with suppress(OSError):
                    (self.path / ".lock").unlink(missing_ok=True)
                    for path in absent:
                        path.rmdir()


def create_run_folder(path: Path) -> RunFolder:
    """Makes the folder. UserError if it cannot be, or if something else lies there."""
    try:
        if (
            path.is_dir()
            and not (path / "run.json").is_file()
            and any(inside.name not in BEFORE_THE_RECORD for inside in path.iterdir())
        ):
            raise UserError(f"{path} is there already and is not a run; choose another with --out")
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".lock"
        probe.open("a").close()
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    return RunFolder(path)
