"""Whether the two halves of an image belong together, by a classifier that is fitted to halves of real images.

Its input is two halves, with a grey band between them and each with a random exposure; its classes are "of one image"
and "of two images of the same class". So it cannot use a seam, a difference of exposure, or the class: only how one
side goes with the other. How well it does so is checked on images that it has not seen.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganvas.data import PreparedSet, open_source
from ganvas.data.config import DataConfig
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.evaluation.fit import MAX_SHIFT
from ganvas.experiments.experiment import Measurements, Trial, Variant
from ganvas.experiments.gan_trials import COUNT, held_out, quality, save_strip, strip_of, train_gan
from ganvas.images import Pixels, from_uint8
from ganvas.networks.evaluator import EvaluatorConfig, EvaluatorNetwork
from ganvas.networks.pair import Shape
from ganvas.objectives.augment import random_translate
from ganvas.rng import seed_weights, stream

BAND = 1 / 8  # of a side, grey at the cut
CONTRAST, BRIGHTNESS = 0.3, 0.2  # most of either by which a half changes, of [-1, 1]
PAIRS = 64  # of each class, a step
LR = 0.002
SHOWN = 60_000  # compositions that the classifier learns from
WIDTH = 16  # maps of its first convolution
LEAST = 0.7  # of the area under the curve on held-out images, for its scores to count
LOOKS = 2  # at each image by each cut
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Coherence:
    """A classifier of halves: one image, or two."""

    network: EvaluatorNetwork

    def score(self, pixels: Pixels, others: Pixels | None = None, seed: int = 0) -> NDArray[np.float64]:
        """(N,): the probability, 0 to 1, that the halves of each image (N, C, H, W) uint8 are of one image.

        `others` (N, C, H, W), if given, are where the other halves come from. A mean over both cuts, each with several
        exposures.
        """
        others = pixels if others is None else others
        assert len(pixels) == len(others) > 0, "a half for every half"
        scores = []
        with torch.inference_mode():
            for start in range(0, len(pixels), 250):
                first, second = (
                    from_uint8(torch.from_numpy(np.array(side[start : start + 250]))) for side in (pixels, others)
                )
                looks = []
                for look in range(2 * LOOKS):
                    generator = stream(seed, f"coherence/look {look}", start)
                    upright = torch.full((len(first),), look % 2 == 0)
                    logits = self.network(composed(first, second, upright, generator))
                    looks.append(logits.double().softmax(1)[:, 1])  # (N, 2) -> (N,)
                scores.append(torch.stack(looks).mean(0).numpy())
        return np.concatenate(scores)

    def score_mixed(self, pixels: Pixels, labels: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
        """(N,): the same of halves of two images of one class."""
        return self.score(pixels, mixed(pixels, labels, seed), seed)


def fit_coherence(prepared: PreparedSet, seed: int, shown: int = SHOWN) -> Coherence:
    """The classifier of a set's training images, half of `shown` compositions of one and half of two images."""
    assert prepared.labels is not None, "halves of two images are of one class"
    rows = np.asarray(prepared.train)
    labels = np.asarray(prepared.labels)
    seed_weights(seed, "coherence")
    network = EvaluatorConfig(width=WIDTH).build(Shape(prepared.channels, prepared.size, 2))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=0.01, fused=True)
    steps = max(1, shown // (2 * PAIRS))
    targets = torch.tensor([1, 0]).repeat_interleave(PAIRS)
    most = max(1, round(MAX_SHIFT * prepared.size))
    network.train()
    for step in range(steps):
        draw = stream(seed, "coherence/pairs", step)
        chosen = rows[torch.randint(len(rows), (PAIRS,), generator=draw).numpy()]
        ones = from_uint8(torch.from_numpy(prepared.pixels[chosen]))
        twos = from_uint8(torch.from_numpy(prepared.pixels[partners(chosen, rows, labels, draw)]))
        # Both are shifted alike: only the position of the cut changes.
        ones, twos = (random_translate(each, most, stream(seed, "coherence/shift", step)) for each in (ones, twos))
        upright = torch.rand(PAIRS, generator=draw) < 0.5
        images = composed(ones.repeat(2, 1, 1, 1), torch.cat([ones, twos]), upright.repeat(2), draw)
        loss = F.cross_entropy(network(images.contiguous(memory_format=torch.channels_last)), targets)
        optimiser.param_groups[0]["lr"] = LR * min(1.0, 10 * (step + 1) / steps, 2 * (1 - step / steps))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return Coherence(network.eval())


def composed(first: Tensor, second: Tensor, upright: Tensor, generator: torch.Generator) -> Tensor:
    """The left half of `first` and the right one of `second`, or the upper and the lower: (N, C, H, W) in [-1, 1].

    upright: (N,) whether an image is cut from top to bottom. Each half gets a contrast and a brightness of its own,
    and a band at the cut is grey.
    """
    count, _, size, _ = first.shape
    band = max(2, round(BAND * size))
    start = (size - band) // 2
    along = torch.arange(size)
    position = torch.where(upright[:, None, None, None], along[None, None, None, :], along[None, None, :, None])
    exposure = 2 * torch.rand(2, 2, count, 1, 1, 1, generator=generator) - 1
    halves = [
        (half * (1 + CONTRAST * exposure[0, side]) + BRIGHTNESS * exposure[1, side]).clamp(-1, 1)
        for side, half in enumerate((first, second))
    ]
    whole = torch.where(position < start, halves[0], halves[1])
    return whole.masked_fill((position >= start) & (position < start + band), 0.0)


def partners(chosen: Rows, rows: Rows, labels: NDArray[np.int64], generator: torch.Generator) -> Rows:
    """For each chosen one of `rows` another one of the same class, by chance; itself where its class has no other."""
    order = rows[np.argsort(labels[rows], kind="stable")]  # class by class
    ends = np.cumsum(np.bincount(labels[rows], minlength=int(labels.max()) + 1))
    sizes = np.diff(ends, prepend=0)
    index = np.empty(int(rows.max()) + 1, np.int64)
    index[order] = np.arange(len(order))
    label = labels[chosen]
    step = torch.rand(len(chosen), generator=generator).numpy() * (sizes[label] - 1)
    first = ends[label] - sizes[label]
    return np.asarray(order[first + (index[chosen] - first + 1 + step.astype(np.int64)) % sizes[label]])


def mixed(pixels: Pixels, labels: NDArray[np.int64], seed: int) -> Pixels:
    """For each image (N, C, H, W) another one of the same class (N,)."""
    rows = np.arange(len(pixels))
    return np.asarray(pixels[partners(rows, rows, labels, stream(seed, "coherence/mixed"))])


def area(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    """The chance that one of the first scores higher than one of the second: the area under the ROC curve."""
    order = np.sort(lower)
    below = np.searchsorted(order, higher, "left") + np.searchsorted(order, higher, "right")
    return float(below.mean() / (2 * len(lower)))


def measure_coherence(trial: Trial, variant: Variant) -> Measurements:
    """Trains the variant's generator and asks a classifier of halves, the same for every variant of a seed, about it.

    Read from the variant's choices: what `train_gan` reads; or `real` in place of a recipe, for held-out images:
    "whole", or "mixed" for halves of two. coherence: mean probability of one image, 0 to 1; mixed: the same of halves
    of two of the images, of one class; tie: how often one of the images scores higher than halves of two of them;
    check: the same of held-out real ones; fcd. If the check is less than LEAST, the classifier is not used any more.
    """
    images, metrics = None, {}
    if "real" in variant.choices:
        prepared = open_source(trial.source, DataConfig(size=variant.choices["size"]), processes=1)
    else:
        gan = train_gan(trial, variant)
        prepared, images = gan.prepared, gan.draw(COUNT)
        if trial.seed == 0:
            save_strip(images, strip_of(trial.folder, variant.name))
        metrics = {"fcd": quality(evaluator_for(prepared), prepared, images)["fcd"], "images": float(gan.images)}
    classifier = fit_coherence(prepared, trial.seed)
    pixels, labels = held_out(prepared)
    assert labels is not None
    whole, torn = classifier.score(pixels, None, trial.seed), classifier.score_mixed(pixels, labels, trial.seed)
    metrics["check"] = area(whole, torn)
    if metrics["check"] < LEAST:
        return metrics
    if variant.choices.get("real") == "mixed":
        return {**metrics, "coherence": float(torn.mean())}
    if images is not None:
        assert images.labels is not None, "every generator gets the classes"
        whole = classifier.score(images.pixels, None, trial.seed)
        torn = classifier.score_mixed(images.pixels, images.labels, trial.seed)
    return {**metrics, "coherence": float(whole.mean()), "mixed": float(torn.mean()), "tie": area(whole, torn)}
