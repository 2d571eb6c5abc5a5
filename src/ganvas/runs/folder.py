"""The files of a run's folder."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganvas import files
from ganvas.errors import UserError
from ganvas.runs.record import RunRecord
from ganvas.settings import parse

FORMAT = 2
STATE = "state.safetensors"  # in a checkpoint
BEFORE_THE_RECORD = {".lock", files.part_of(Path("run.json")).name}  # left by a run that was killed at once


class RunFolder:
    """A run's folder. Nothing in it is created before it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / "run.json"  # everything needed to repeat the run, and its cost
        self.log = path / "log.jsonl"  # one JSON object a line; charts, scores and the watchdog read it
        self.previews = path / "previews"  # images of fixed noise, from time to time
        self.charts = path / "charts"  # losses, scores, kernels, feature maps
        self.checkpoint_folder = path / "checkpoint"  # the last two states that training can resume from
        self.bundle = path / "bundle"  # the trained networks, whole or not at all
        self.best = path / "best"  # a bundle: the state with the best score, or the one before the watchdog warned
        self.last = path / "last"  # a bundle: the state at the end, where that was not the best one

    def checkpoints(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return sorted(path for path in self.checkpoint_folder.glob("step-" + 10 * "[0-9]") if path.is_dir())

    def exists(self) -> bool:
        """Whether the folder holds a run."""
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
        """Creates the folder and locks it against a second process. A dead process has no lock: the system frees it.

        UserError if the folder cannot be created or holds something else. A new folder that ends without a record is
        removed again, and so are those above it that were created with it.
        """
        absent = [path for path in (self.path, *self.path.parents) if not path.exists()]
        try:
            inside = {path.name for path in self.path.iterdir()} if self.path.is_dir() else set()
            if inside - BEFORE_THE_RECORD and not self.exists():
                raise UserError(f"{self.path} is there already and is not a run; choose another with --out")
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / ".lock").open("a").close()
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}") from None
        try:
            with files.lock(self.path / ".lock"):
                yield
        except files.LockedError as process:
            raise UserError(f"{self.path} is being trained by {process} already") from None
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
