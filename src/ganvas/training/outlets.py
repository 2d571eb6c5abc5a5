"""Where a run's results go between two steps: previews, scores, checkpoints, and what the watchdog says."""

from collections.abc import Mapping
from typing import Any

from ganvas import progress
from ganvas.objectives.losses import LOSSES
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.runs.folder import RunFolder
from ganvas.runs.spec import Run
from ganvas.training import checkpoint, closing
from ganvas.training.engine import Engine
from ganvas.training.game import Game
from ganvas.training.log import Log
from ganvas.training.loop import Live, Outlets, State
from ganvas.training.scoring import QuickScore
from ganvas.training.watchdog import StoppedError, Watchdog


def outlets(
    run: Run,
    game: Game,
    engine: Engine,
    known: dict[str, Any],
    folder: RunFolder,
    live: Live,
    log: Log | None,
    scorer: QuickScore | None,
) -> Outlets:
    """The outlets of one process: only the first one writes."""
    seen = read_log(folder.log) if log else []
    least = min((record["fcd"] for record in seen if "fcd" in record), default=float("inf"))
    watchdog = Watchdog(int(known["images"]), not compares(run))
    for record in seen:
        watchdog.see(record)

    def preview(images: int) -> dict[str, float]:
        if not (engine.is_first and game.average):
            return {}
        return closing.preview(game, bundle.card_of(known, images), folder.previews / f"{images:010d}.png")

    def score(images: int) -> dict[str, float]:
        nonlocal least
        if scorer is None:
            return {}
        card = bundle.card_of(known, images)
        found = scorer.of(game, card)
        if found["fcd"] < least:
            least = found["fcd"]
            bundle.write(folder.best, card, game.kept())
        return found

    def see(record: Mapping[str, float]) -> None:
        trouble = watchdog.see(record) if log and record and run.training.watch != "off" else None
        if trouble:
            keep_before_trouble(run, game, known, folder, int(record["images"]))
        if trouble and trouble.kind == "warning":
            progress.complain(f"warning: {trouble.sentence}")
        if engine.any(bool(trouble and trouble.kind == "stop" and run.training.watch == "on")):
            raise StoppedError(trouble.sentence if trouble else "the first process stopped; what it says is the cause")

    def save(now: State) -> None:
        entry = {"training_seconds": now.training_seconds, "cpu_seconds": now.cpu_seconds, "world": engine.world}

        def write() -> None:
            assert log is not None
            log.sync()
            checkpoint.save(folder, game, {"step": now.step, **entry})

        engine.first(write)

    return Outlets(live, log, preview, score, see, save)


def compares(run: Run) -> bool:
    """Whether the loss only compares a real logit with a fake one, so that D's scores are no probabilities."""
    loss = LOSSES.get(str(getattr(run.objective, "loss", "")))
    return loss is not None and loss.paired


def keep_before_trouble(run: Run, game: Game, known: dict[str, Any], folder: RunFolder, images: int) -> None:
    """At the first sign of trouble: the oldest state that is still there becomes the best one, unless scores chose."""
    if run.training.score_every or folder.best.is_dir() or not game.average:
        return
    found = bundle.oldest_saved(folder)
    if found is None:
        bundle.write(folder.best, bundle.card_of(known, images), game.kept())
    else:
        bundle.write(folder.best, found.card, found.networks)
