"""One adversarial game of a study: played for so long, then scored by the evaluator of the set."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas.config.recipes import configure
from ganvas.config.run import RunConfig
from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.distances import frechet
from ganvas.evaluation.evaluator import Evaluator, evaluator_for
from ganvas.evaluation.predict import eval_mode
from ganvas.evaluation.samples import Samples, draw_samples, proportions, subsample
from ganvas.experiments.experiment import Measurements, Trial, Variant
from ganvas.images import Pixels, decode, grid, save_png
from ganvas.rng import stream
from ganvas.runs.bundle import Bundle, BundleInfo
from ganvas.sampling import Sampler
from ganvas.training import health
from ganvas.training.engine import ComputeConfig, Engine
from ganvas.training.trainer import Trainer, build_trainer, learning_rate

COUNT = 2_000
STRIP = 20  # images that show a row
IMAGES_BETWEEN_LOOKS = 640  # at the clock
SPEED = ComputeConfig(1, "float32", "contiguous")  # the same for all, whatever would be fastest for one


@dataclass(frozen=True)
class TrainedGan:
    """A game that has been played."""

    run: RunConfig
    prepared: PreparedSet
    game: Trainer
    images: int
    seconds: float
    """Processor time of the training alone."""

    def draw(self, count: int) -> Samples:
        """So many images of the averaged generator, in the set's proportions."""
        assert self.game.ema is not None
        run, prepared = self.run, self.prepared
        card = BundleInfo(
            recipe=run.recipe,
            source=prepared.name,
            fingerprint=prepared.fingerprint,
            seed=run.seed,
            images=self.images,
            channels=prepared.channels,
            size=prepared.size,
            classes=prepared.classes if run.labels == "on" else (),
            pair=cast(Any, run.pair),
        )
        with eval_mode(self.game.ema.network) as network:
            return draw_samples(Sampler(Bundle(card, {"generator": network})), prepared, count, run.seed)


class Cost(NamedTuple):
    """What a game has cost so far."""

    images: int = 0
    processor_seconds: float = 0.0
    wall_seconds: float = 0.0


def stretches(game: Trainer, run: RunConfig, share: Callable[[Cost], float]) -> Iterator[Cost]:
    """Plays on and on, some 640 images at a time, and says after each time what was spent; the first time nothing.

    share: of the budget that is spent, which the learning rate follows. RunFailedError on divergence. What happens
    between two stretches is not on the clock.
    """
    batch, step, spent = run.training.batch, 0, Cost()
    while True:
        yield spent
        processor, wall, progress = time.process_time(), time.perf_counter(), min(1.0, share(spent))
        for _ in range(max(1, IMAGES_BETWEEN_LOOKS // batch)):
            for each in game.optimisers.values():
                each.param_groups[0]["lr"] = learning_rate(run.optimiser, progress)
            scores = game.step(step)
            step += 1
            if game.ema:
                game.ema.update(batch, step * batch)
        health.check_finite(scores, game.networks, step)
        taken = time.process_time() - processor, time.perf_counter() - wall
        spent = Cost(step * batch, spent.processor_seconds + taken[0], spent.wall_seconds + taken[1])


def train_gan(task: Trial, row: Variant) -> TrainedGan:
    """Plays the row's recipe from the task's seed.

    Read from the row's choices: `recipe`; `run`, choices laid over it; `images_a_second`, a budget in images for
    every second of the task's; `shuffled`, whether the labels are another image's; `size`.
    """
    choices = row.choices
    data = {"data": {"size": choices["size"]}} if "size" in choices else {}
    run = configure(task.source, choices["recipe"], data, dict(choices.get("run", {})), {"seed": task.seed})
    prepared = open_source(task.source, run.data, processes=1)
    learned = shuffled(prepared, task.seed) if choices.get("shuffled") else prepared
    game = build_trainer(run, learned, Engine.for_trials(SPEED))
    images = round(choices.get("images_a_second", 0) * task.seconds)

    def share(spent: Cost) -> float:
        return spent.images / images if images else spent.processor_seconds / task.seconds

    spent = next(spent for spent in stretches(game, run, share) if share(spent) >= 1)
    return TrainedGan(run, prepared, game, spent.images, spent.processor_seconds)


def shuffled(prepared: PreparedSet, seed: int) -> PreparedSet:
    """The same images, each with the label of another: every class keeps its size and loses its meaning."""
    assert prepared.labels is not None
    labels = np.array(prepared.labels)
    rows = np.asarray(prepared.train)
    order = torch.randperm(len(rows), generator=stream(seed, "shuffled labels", 0)).numpy()
    labels[rows] = labels[rows][order]
    return replace(prepared, labels=labels)


def train_and_score(task: Trial, row: Variant) -> Measurements:
    """Plays, and what the evaluator of the set says of 2,000 images. The first seed leaves a strip of them."""
    done = train_gan(task, row)
    judge = evaluator_for(done.prepared)
    images = done.draw(COUNT)
    if task.seed == 0:
        save_strip(images, strip_of(task.folder, row.name))
    return {**quality(judge, done.prepared, images), "images": done.images, "seconds": done.seconds}


def quality(judge: Evaluator, prepared: PreparedSet, images: Samples) -> Measurements:
    """fcd: distance to as many held-out images; balance: 1 less the total variation between the classes the evaluator
    sees and the set's; label_accuracy: how often it sees the label that was asked for, where one was.
    """
    seen = judge.embed(images.pixels)
    found = {"fcd": frechet(judge.embed(held_out(prepared)[0]).features, seen.features).value}
    told = seen.logits.argmax(1)
    shares = np.bincount(told, minlength=len(prepared.classes)) / len(told)
    wanted = proportions(prepared, len(told)) / len(told)
    found["balance"] = float(1 - np.abs(shares - wanted).sum() / 2)
    if images.labels is not None:
        found["label_accuracy"] = float(np.mean(told == images.labels))
    return found


def held_out(prepared: PreparedSet) -> tuple[Pixels, NDArray[np.int64] | None]:
    """Held-out images (N, C, H, W), at most as many as are drawn of a generator, and their labels where they have."""
    rows = subsample(np.asarray(prepared.held_out), prepared.labels, COUNT)
    return np.array(prepared.pixels[rows]), None if prepared.labels is None else np.asarray(prepared.labels[rows])


def strip_of(folder: Path, row: str) -> Path:
    """Where a row's images lie. Names of rows are ours, and may hold spaces and slashes."""
    safe = "".join(letter if letter.isalnum() else "-" for letter in row)
    return folder / "strips" / f"{safe}.png"


def strips_of(folder: Path, rows: Sequence[str]) -> dict[str, Pixels]:
    """The strips that there are, (C, H, W) each, by row."""
    places = {row: strip_of(folder, row) for row in rows}
    return {row: _pixels(place) for row, place in places.items() if place.exists()}


def _pixels(path: Path) -> Pixels:
    found = np.asarray(decode(path.read_bytes()).image)
    return found[None] if found.ndim == 2 else found.transpose(2, 0, 1)


def save_strip(images: Samples, path: Path) -> None:
    """A row of images, evenly from all of them."""
    places = np.linspace(0, len(images.pixels) - 1, STRIP).astype(int)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(grid(images.pixels[places], STRIP), path)
