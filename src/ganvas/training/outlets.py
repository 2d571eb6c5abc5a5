"""Where a run's results go between two steps: previews, scores, checkpoints, and what the watchdog says."""

from collections.abc import Mapping
from typing import Any

from ganvas import console
from ganvas.config.run import RunConfig
from ganvas.objectives.losses import LOSSES
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.runs.folder import RunFolder
from ganvas.training import artifacts, checkpoint
from ganvas.training.engine import Engine
from ganvas.training.log import Log
from ganvas.training.loop import Live, LoopOutputs, State
from ganvas.training.scoring import QuickScore
from ganvas.training.trainer import Trainer
from ganvas.training.watchdog import StoppedError, Watchdog


def loop_outputs(
    run: RunConfig,
    game: Trainer,
    engine: Engine,
    known: dict[str, Any],
    folder: RunFolder,
    live: Live,
    log: Log | None,
    scorer: QuickScore | None,
) -> LoopOutputs:
    """The outlets of one process: only the first one writes."""
    seen = read_log(folder.log) if log else []
    least = min((record["fcd"] for record in seen if "fcd" in record), default=float("inf"))
    watchdog = Watchdog(int(known["images"]), not compares_pairs(run))
    for record in seen:
        watchdog.see(record)

    def preview(images: int) -> dict[str, float]:
        if not (engine.is_rank_zero and game.ema):
            return {}
        return artifacts.save_preview(game, bundle.bundle_info(known, images), folder.previews / f"{images:010d}.png")

    def score(images: int) -> dict[str, float]:
        nonlocal least
        if scorer is None:
            return {}
        card = bundle.bundle_info(known, images)
        found = scorer.of(game, card)
        if found["fcd"] < least:
            least = found["fcd"]
            bundle.write(folder.best, card, game.bundle_networks())
        return found

    def see(record: Mapping[str, float]) -> None:
        trouble = watchdog.see(record) if log and record and run.training.watch != "off" else None
        if trouble:
            keep_before_trouble(run, game, known, folder, int(record["images"]))
        if trouble and trouble.kind == "warning":
            console.error(f"warning: {trouble.sentence}")
        if engine.any_rank(bool(trouble and trouble.kind == "stop" and run.training.watch == "on")):
            raise StoppedError(trouble.sentence if trouble else "the first process stopped; what it says is the cause")

    def save(now: State) -> None:
        entry = {"training_seconds": now.training_seconds, "cpu_seconds": now.cpu_seconds, "world": engine.world}

        def write() -> None:
            assert log is not None
            log.sync()
            checkpoint.save(folder, game, {"step": now.step, **entry})

        engine.on_rank_zero(write)

    return LoopOutputs(live, log, preview, score, see, save)


def compares_pairs(run: RunConfig) -> bool:
    """Whether the loss only compares a real logit with a fake one, so that D's scores are no probabilities."""
    loss = LOSSES.get(str(getattr(run.objective, "loss", "")))
    return loss is not None and loss.paired


def keep_before_trouble(run: RunConfig, game: Trainer, known: dict[str, Any], folder: RunFolder, images: int) -> None:
    """At the first sign of trouble: the oldest state that is still there becomes the best one, unless scores chose."""
    if run.training.score_every or folder.best.is_dir() or not game.ema:
        return
    found = bundle.oldest_saved(folder)
    if found is None:
        bundle.write(folder.best, bundle.bundle_info(known, images), game.bundle_networks())
    else:
        bundle.write(folder.best, found.card, found.networks)
