"""What a run writes between two steps: log lines, previews, scores, checkpoints; and what the watchdog says of them."""

from collections.abc import Mapping
from typing import Protocol

from ganvas import console
from ganvas.objectives.config import GanObjective
from ganvas.objectives.losses import LOSSES
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import RunRecord, State
from ganvas.training import artifacts, checkpoint
from ganvas.training.checkpoint import SavedState
from ganvas.training.engine import Engine
from ganvas.training.health import StoppedError, Watchdog
from ganvas.training.log import Log
from ganvas.training.scoring import QuickScore
from ganvas.training.trainer import Trainer


class Display(Protocol):
    """Whoever shows the log records while a run goes on."""

    def show(self, record: Mapping[str, float]) -> None:
        """Takes one record."""


class RunOutputs:
    """The outputs of one process; only the first one writes. The loop calls each method when it is due."""

    def __init__(
        self,
        trainer: Trainer,
        engine: Engine,
        record: RunRecord,
        folder: RunFolder,
        display: Display,
        log: Log | None,
        scorer: QuickScore | None,
    ) -> None:
        """log: None on every process but the first."""
        self.trainer, self.engine, self.record, self.folder = trainer, engine, record, folder
        self.display, self.log, self.scorer = display, log, scorer
        earlier = read_log(folder.log) if log else []
        self.best_fcd = min((line["fcd"] for line in earlier if "fcd" in line), default=float("inf"))
        self.watchdog = Watchdog(record.run.images, has_probability_scores(record))
        for line in earlier:  # the watchdog is a function of the log alone, so that a resumed run is watched alike
            self.watchdog.check(line)

    def write(self, line: Mapping[str, float]) -> None:
        """One record: to the display, the trackers and the log."""
        self.display.show(line)
        self.engine.track(line, int(line["step"]))
        if self.log:
            self.log.write(line)

    def preview(self, images: int) -> dict[str, float]:
        """Saves a preview; returns what was measured of it."""
        if not (self.engine.is_rank_zero and self.trainer.ema):
            return {}
        info = bundle.bundle_info(self.record, images)
        return artifacts.save_preview(self.trainer, info, self.folder.previews / f"{images:010d}.png")

    def score(self, images: int) -> dict[str, float]:
        """Scores the generator, and keeps its bundle where it is the best so far."""
        if self.scorer is None:
            return {}
        info = bundle.bundle_info(self.record, images)
        scores = self.scorer.score(self.trainer, info)
        if scores["fcd"] < self.best_fcd:
            self.best_fcd = scores["fcd"]
            bundle.write(self.folder.best, info, self.trainer.bundle_networks())
        return scores

    def watch(self, line: Mapping[str, float]) -> None:
        """Warns where training collapses. StoppedError, on every process, where it should go no further."""
        watch = self.record.run.training.watch
        trouble = self.watchdog.check(line) if self.log and line and watch != "off" else None
        if trouble:
            self.keep_before_trouble(int(line["images"]))
        if trouble and trouble.kind == "warning":
            console.error(f"warning: {trouble.sentence}")
        if self.engine.any_rank(bool(trouble and trouble.kind == "stop" and watch == "on")):
            raise StoppedError(trouble.sentence if trouble else "the first process stopped; what it says is the cause")

    def save(self, state: State) -> None:
        """Writes a checkpoint, on the first process."""

        def write() -> None:
            assert self.log is not None
            self.log.sync()  # a checkpoint must not be ahead of its log
            checkpoint.save(self.folder, self.trainer, SavedState(**vars(state), world=self.engine.world))

        self.engine.on_rank_zero(write)

    def keep_before_trouble(self, images: int) -> None:
        """At the first sign of trouble the oldest checkpoint becomes the best state, unless scores chose one."""
        if self.record.run.training.score_every or self.folder.best.is_dir() or not self.trainer.ema:
            return
        oldest = bundle.oldest_saved(self.folder)
        if oldest is None:
            bundle.write(self.folder.best, bundle.bundle_info(self.record, images), self.trainer.bundle_networks())
        else:
            bundle.write(self.folder.best, oldest.info, oldest.networks)


def has_probability_scores(record: RunRecord) -> bool:
    """Whether D's scores are probabilities; not so under a loss that only compares a real logit with a fake one."""
    objective = record.run.objective
    return not (isinstance(objective, GanObjective) and LOSSES[objective.loss].paired)
