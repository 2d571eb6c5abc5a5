"""A GAN of an experiment: trained for so long, then scored by the evaluator of its set."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, ResolvedRun, RunConfig
from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.distances import frechet
from ganvas.evaluation.evaluator import Evaluator, evaluator_for
from ganvas.evaluation.predict import eval_mode
from ganvas.evaluation.samples import Samples, draw_samples, proportions, subsample
from ganvas.experiments.experiment import Measure, Measurements, Trial, Variant
from ganvas.images import Pixels, decode, save_png
from ganvas.rng import stream
from ganvas.runs.bundle import Bundle, BundleInfo
from ganvas.sampling import Sampler
from ganvas.sheets import grid
from ganvas.training import health
from ganvas.training.engine import Engine
from ganvas.training.trainer import Trainer, build_trainer

COUNT = 2_000
STRIP = 20  # images that show a variant
IMAGES_PER_STRETCH = 640  # between two readings of the clock
SPEED = ComputeConfig(1, "float32", "contiguous")  # the same for all, whatever would be fastest for one
FCD = Measure("fcd", "FCD")
BALANCE = Measure("balance", "class balance", "higher", "points", 3, is_share=True)


@dataclass(frozen=True)
class TrainedGan:
    """A GAN whose training has ended."""

    run: ResolvedRun
    prepared: PreparedSet
    trainer: Trainer
    images: int
    seconds: float
    """CPU time of the training alone."""

    def draw(self, count: int) -> Samples:
        """So many images of the averaged generator, in the set's proportions."""
        assert self.trainer.ema is not None
        run, prepared = self.run, self.prepared
        info = BundleInfo(
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
        with eval_mode(self.trainer.ema.network) as network:
            return draw_samples(Sampler(Bundle(info, {"generator": network})), prepared, count, run.seed)


class Cost(NamedTuple):
    """The cost of a training so far."""

    images: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0


def stretches(trainer: Trainer, share: Callable[[Cost], float], images: int | None = None) -> Iterator[Cost]:
    """Trains without end, and yields the cost before each stretch of some 640 images; the first time nothing.

    share: of the budget that is spent, which the learning rate follows. images: of a stretch, if other than 640.
    RunFailedError on divergence. What happens between two stretches is not on the clock.
    """
    batch, step, cost = trainer.batch, 0, Cost()
    steps = max(1, (images or IMAGES_PER_STRETCH) // batch)
    while True:
        yield cost
        cpu, wall, progress = time.process_time(), time.perf_counter(), min(1.0, share(cost))
        for _ in range(steps):
            metrics = trainer.advance(step, progress)
            step += 1
        if images is None or step % health.CHECK_EVERY_STEPS == 0:
            health.check_finite(metrics, trainer.networks, step)
        taken = time.process_time() - cpu, time.perf_counter() - wall
        cost = Cost(step * batch, cost.cpu_seconds + taken[0], cost.wall_seconds + taken[1])


def train_for_images(run: RunConfig, prepared: PreparedSet, images: int, compute: ComputeConfig) -> TrainedGan:
    """A GAN trained from new weights until so many images were shown.

    The learning rate changes at every step, as in a run of so many images. RunFailedError on divergence.
    """
    resolved, batch = resolve(run, prepared, compute, images), run.training.batch
    trainer, total = build_trainer(resolved, prepared, Engine.for_trials(compute)), resolved.images
    costs = stretches(trainer, lambda cost: cost.images / total, batch)
    cost = next(cost for cost in costs if cost.images >= total)
    health.check_finite({}, trainer.networks, total // batch)
    return TrainedGan(resolved, prepared, trainer, cost.images, cost.cpu_seconds)


def train_gan(trial: Trial, variant: Variant) -> TrainedGan:
    """A GAN of the variant's recipe, trained from the trial's seed.

    Read from the variant's choices: `recipe`; `run`, choices laid over it; `images_a_second`, a budget in images for
    every second of the trial's; `shuffled`, whether the labels are another image's; `size`.
    """
    choices = variant.choices
    data = {"crop": "square", "size": choices.get("size")}
    asked = configure(
        trial.source, choices["recipe"], {"data": data}, dict(choices.get("run", {})), {"seed": trial.seed}
    )
    prepared = open_source(trial.source, asked.data, processes=1)
    training_set = with_shuffled_labels(prepared, trial.seed) if choices.get("shuffled") else prepared
    run = resolve(asked, training_set, SPEED)
    trainer = build_trainer(run, training_set, Engine.for_trials(SPEED))
    images = round(choices.get("images_a_second", 0) * trial.seconds)

    def share(cost: Cost) -> float:
        return cost.images / images if images else cost.cpu_seconds / trial.seconds

    cost = next(cost for cost in stretches(trainer, share) if share(cost) >= 1)
    return TrainedGan(run, prepared, trainer, cost.images, cost.cpu_seconds)


def with_shuffled_labels(prepared: PreparedSet, seed: int) -> PreparedSet:
    """The same images, each with the label of another: every class keeps its size and loses its meaning."""
    assert prepared.labels is not None
    labels = np.array(prepared.labels)
    rows = np.asarray(prepared.train)
    order = torch.randperm(len(rows), generator=stream(seed, "shuffled labels", 0)).numpy()
    labels[rows] = labels[rows][order]
    return replace(prepared, labels=labels)


def train_and_score(trial: Trial, variant: Variant) -> Measurements:
    """Trains, and what the evaluator of the set measures of 2,000 images. The first seed leaves a strip of them."""
    gan = train_gan(trial, variant)
    samples = gan.draw(COUNT)
    if trial.seed == 0:
        save_strip(samples, trial.folder, variant.name)
    return {**quality(evaluator_for(gan.prepared), gan.prepared, samples), "images": gan.images, "seconds": gan.seconds}


def quality(evaluator: Evaluator, prepared: PreparedSet, images: Samples) -> dict[str, float]:
    """fcd: distance to as many held-out images; balance: 1 less the total variation between the predicted classes and
    the set's; label_accuracy: the share of images whose predicted class was asked for, where one was.
    """
    embedding = evaluator.embed(images.pixels)
    metrics = {"fcd": frechet(evaluator.embed(held_out(prepared)[0]).features, embedding.features).value}
    predicted = embedding.logits.argmax(1)
    shares = np.bincount(predicted, minlength=len(prepared.classes)) / len(predicted)
    wanted = proportions(prepared, len(predicted)) / len(predicted)
    metrics["balance"] = float(1 - np.abs(shares - wanted).sum() / 2)
    if images.labels is not None:
        metrics["label_accuracy"] = float(np.mean(predicted == images.labels))
    return metrics


def held_out(prepared: PreparedSet) -> tuple[Pixels, NDArray[np.int64] | None]:
    """Held-out images (N, C, H, W), at most as many as are drawn of a generator, and their labels if they have some."""
    rows = subsample(np.asarray(prepared.held_out), prepared.labels, COUNT)
    return np.array(prepared.pixels[rows]), None if prepared.labels is None else np.asarray(prepared.labels[rows])


def strip_path(folder: Path, variant: str) -> Path:
    """Where a variant's strip of images lies; the variant's name may hold spaces and slashes."""
    return folder / "strips" / f"{''.join(letter if letter.isalnum() else '-' for letter in variant)}.png"


def strips_of(folder: Path, variants: Sequence[str]) -> dict[str, Pixels]:
    """The strips that exist, (C, H, W) each, by variant."""
    strips = {}
    for variant in variants:
        if (path := strip_path(folder, variant)).exists():
            pixels = np.asarray(decode(path.read_bytes()).image)
            strips[variant] = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return strips


def save_strip(samples: Samples, folder: Path, variant: str) -> None:
    """A strip of images, evenly from all of them."""
    rows = np.linspace(0, len(samples.pixels) - 1, STRIP).astype(int)
    path = strip_path(folder, variant)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(grid(samples.pixels[rows], STRIP), path)
