"""What a run writes between two steps: log lines, previews, scores, checkpoints, and the watchdog's warnings."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from ganvas import console, files
from ganvas.console.progress import TrainingDisplay
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.headline import COUNT, Headline
from ganvas.evaluation.predict import eval_mode
from ganvas.evaluation.samples import draw_samples
from ganvas.objectives.config import GanObjective, ObjectiveConfig
from ganvas.objectives.losses import LOSSES
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.runs.bundle import Bundle, BundleInfo
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import RunRecord, State
from ganvas.sampling import Sampler
from ganvas.training import artifacts, checkpoint
from ganvas.training.engine import Engine
from ganvas.training.health import StoppedError, Watchdog
from ganvas.training.trainer import Trainer


def open_log(path: Path, step: int) -> BinaryIO:
    """A run's log, open to append to, without the records that are later than `step` or cut off.

    So each step is logged at most once, however often the run was killed in between.
    """
    with files.open_atomic(path) as kept, path.open("rb") if path.is_file() else nullcontext(()) as lines:
        for line in lines:
            record = files.json_object(line)
            if record is not None and isinstance(record.get("step"), int) and record["step"] <= step:
                kept.write(line.rstrip() + b"\n")
    return path.open("ab")


class QuickScore:
    """Scores the averaged generator of a training, on the same noise every time."""

    def __init__(self, prepared: PreparedSet) -> None:
        """Fits the evaluator of the set if there is none yet."""
        self.headline = Headline(prepared)

    def score(self, trainer: Trainer, info: BundleInfo) -> dict[str, float]:
        """The figures of `Headline`."""
        assert trainer.ema is not None
        with eval_mode(trainer.ema.network) as network:
            sampler = Sampler(Bundle(info, {"generator": network}))
            samples = draw_samples(sampler, self.headline.prepared, COUNT, info.seed)
        return self.headline(samples)


class RunOutputs:
    """The outputs of one process; only rank zero writes. The loop calls each method when it is due."""

    def __init__(
        self,
        trainer: Trainer,
        engine: Engine,
        record: RunRecord,
        folder: RunFolder,
        log: BinaryIO | None = None,
        display: TrainingDisplay | None = None,
        scorer: QuickScore | None = None,
    ) -> None:
        """log, display, scorer: None on every rank but zero."""
        self.trainer, self.engine, self.record, self.folder = trainer, engine, record, folder
        self.log, self.display, self.scorer = log, display, scorer
        earlier = read_log(folder.log) if log else []
        self.best = min((line["kid"] for line in earlier if "kid" in line), default=float("inf"))
        self.watchdog = Watchdog(record.run.images, has_probability_scores(record.run.objective))
        for line in earlier:  # the watchdog is a function of the log alone, so that a resumed run is watched alike
            self.watchdog.check(line)

    def write(self, line: Mapping[str, float]) -> None:
        """Writes one record to the display, the trackers and the log."""
        if self.display:
            self.display.show(line)
        self.engine.track(line, int(line["step"]))
        if self.log:
            files.append_jsonl(self.log, line)

    def note(self, state: State, text: str, **values: float) -> None:
        """Records an event in the state and the log."""
        images = state.step * self.trainer.batch
        state.note(images, text)
        if self.log:
            files.append_jsonl(self.log, {"step": state.step, "images": images, "event": text, **values})

    def show_plan(self, state: State) -> None:
        """Records and prints that the rest was planned anew."""
        plan, time = state.plan, self.record.run.time
        assert plan, "it is shown after it was made"
        assert time, "only a budget in minutes is planned anew"
        minutes, planned = (time.end_seconds - time.begin_seconds) / 60, plan.images
        text = f"the pace has changed: {planned} images fit {minutes:g} minutes now"
        self.note(state, text, planned_images=planned)
        self.watchdog.total = planned
        if self.display:
            self.display.total = planned
            console.info(text)

    def preview(self, images: int) -> dict[str, float]:
        """Saves a preview, and returns its `spread`."""
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
        if scores["kid"] < self.best:
            self.best = scores["kid"]
            bundle.write_bundle(self.folder.best, info, self.trainer.bundle_networks())
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
            raise StoppedError(trouble.sentence if trouble else "rank zero stopped; its message is the cause")

    def save(self, state: State) -> None:
        """Writes a checkpoint, on rank zero."""

        def write() -> None:
            assert self.log is not None
            files.sync(self.log)  # a checkpoint must not be ahead of its log
            checkpoint.save_checkpoint(self.folder, self.trainer, state)

        state.world = self.engine.world
        self.engine.on_rank_zero(write)

    def keep_before_trouble(self, images: int) -> None:
        """At the first sign of trouble the oldest checkpoint becomes the best state, unless scores chose one."""
        if self.record.run.training.score_every or self.folder.best.is_dir() or not self.trainer.ema:
            return
        if oldest := next(bundle.from_checkpoints(self.folder, self.folder.checkpoints()), None):
            bundle.write_bundle(self.folder.best, oldest.info, oldest.networks)
        else:
            bundle.write_bundle(
                self.folder.best, bundle.bundle_info(self.record, images), self.trainer.bundle_networks()
            )


def has_probability_scores(objective: ObjectiveConfig) -> bool:
    """Whether D's scores are probabilities; not so under a loss that only compares a real logit with a fake one."""
    return not (isinstance(objective, GanObjective) and LOSSES[objective.loss].paired)
