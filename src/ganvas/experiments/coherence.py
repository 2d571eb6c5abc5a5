"""Whether the two halves of an image belong together, by a classifier that is fitted to halves of real images.

Its input is two halves, with a grey band between them and each with a random exposure; its classes are "of one image"
and "of two images of the same class". So it cannot use a seam, a difference of exposure, or the class: only how one
side goes with the other. How well it does so is checked on images that it has not seen.
"""

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
from ganvas.experiments.gan_trials import COUNT, held_out, quality, save_strip, train_gan
from ganvas.images import Pixels, from_uint8
from ganvas.networks.evaluator import EvaluatorConfig, EvaluatorNetwork
from ganvas.networks.pair import Shape
from ganvas.objectives.augment import random_translate
from ganvas.rng import seed_weights, stream
from ganvas.sizes import Size

BAND = 1 / 8  # of a side, grey at the cut
CONTRAST, BRIGHTNESS = 0.3, 0.2  # most of either by which a half changes, of [-1, 1]
PAIRS = 64  # of each class, a step
LR = 0.002
SHOWN = 60_000  # compositions that the classifier learns from
WIDTH = 16  # maps of its first convolution
LEAST = 0.7  # of the area under the curve on held-out images, for its scores to count
VIEWS = 2  # of each image by each cut, with different exposures
Rows = NDArray[np.int64]


def coherence_scores(
    network: EvaluatorNetwork, pixels: Pixels, others: Pixels | None = None, seed: int = 0
) -> NDArray[np.float64]:
    """(N,): the probability, 0 to 1, that the halves of each image (N, C, H, W) uint8 are of one image.

    others: (N, C, H, W), where the other halves come from; the same images unless given. A mean over both cuts, each
    with several exposures.
    """
    others = pixels if others is None else others
    assert len(pixels) == len(others) > 0, "a half for every half"
    scores = []
    with torch.inference_mode():
        for start in range(0, len(pixels), 250):
            rows = slice(start, start + 250)
            first, second = (from_uint8(torch.from_numpy(np.array(side[rows]))) for side in (pixels, others))
            views = []
            for view in range(2 * VIEWS):
                upright = torch.full((len(first),), view % 2 == 0)
                logits = network(composed(first, second, upright, stream(seed, f"coherence/look {view}", start)))
                views.append(logits.double().softmax(1)[:, 1])  # (N, 2) -> (N,)
            scores.append(torch.stack(views).mean(0).numpy())
    return np.concatenate(scores)


def fit_coherence(prepared: PreparedSet, seed: int, shown: int = SHOWN) -> EvaluatorNetwork:
    """A classifier of halves in eval mode, with the classes "of two images" and "of one".

    It learns from `shown` compositions of the set's training images, half of each class.
    """
    assert prepared.labels is not None, "halves of two images are of one class"
    rows, labels = np.asarray(prepared.train), np.asarray(prepared.labels)
    seed_weights(seed, "coherence")
    network = EvaluatorConfig(width=WIDTH).build(Shape(prepared.channels, prepared.size, 2))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=0.01, fused=True)
    targets = torch.tensor([1, 0]).repeat_interleave(PAIRS)
    steps, max_shift = max(1, shown // (2 * PAIRS)), max(1, round(MAX_SHIFT * min(prepared.size)))
    network.train()
    for step in range(steps):
        draw = stream(seed, "coherence/pairs", step)
        chosen = rows[torch.randint(len(rows), (PAIRS,), generator=draw).numpy()]
        ones = from_uint8(torch.from_numpy(prepared.pixels[chosen]))
        twos = from_uint8(torch.from_numpy(prepared.pixels[partners(chosen, rows, labels, draw)]))
        # Both are shifted alike: only the position of the cut changes.
        ones, twos = (random_translate(each, max_shift, stream(seed, "coherence/shift", step)) for each in (ones, twos))
        upright = torch.rand(PAIRS, generator=draw) < 0.5
        images = composed(ones.repeat(2, 1, 1, 1), torch.cat([ones, twos]), upright.repeat(2), draw)
        loss = F.cross_entropy(network(images.contiguous(memory_format=torch.channels_last)), targets)
        optimiser.param_groups[0]["lr"] = LR * min(1.0, 10 * (step + 1) / steps, 2 * (1 - step / steps))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return network.eval()


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
    sizes = np.bincount(labels[rows], minlength=int(labels.max()) + 1)
    starts = np.cumsum(sizes) - sizes
    index = np.empty(int(rows.max()) + 1, np.int64)
    index[order] = np.arange(len(order))
    label = labels[chosen]
    step = 1 + (torch.rand(len(chosen), generator=generator).numpy() * (sizes[label] - 1)).astype(np.int64)
    return np.asarray(order[starts[label] + (index[chosen] - starts[label] + step) % sizes[label]])


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
    """What a classifier of halves, the same for every variant of a seed, says of the images of the variant's generator.

    Read from the variant's choices: what `train_gan` reads; or `real` in place of a recipe, for held-out images:
    "whole", or "mixed" for halves of two. coherence: mean probability of one image, 0 to 1; mixed: the same of halves
    of two of the images, of one class; tie: how often one of the images scores higher than halves of two of them;
    check: the same of held-out real ones; fcd. If the check is less than LEAST, the classifier is not used any more.
    """
    real, samples, metrics = variant.choices.get("real"), None, {}
    if real:
        prepared = open_source(
            trial.source, DataConfig(crop="square", size=Size.square(variant.choices["size"])), processes=1
        )
    else:
        gan = train_gan(trial, variant)
        prepared, samples = gan.prepared, gan.draw(COUNT)
        if trial.seed == 0:
            save_strip(samples, trial.folder, variant.name)
        metrics = {"fcd": quality(evaluator_for(prepared), prepared, samples)["fcd"], "images": float(gan.images)}
    network = fit_coherence(prepared, trial.seed)

    def scores(pixels: Pixels, labels: NDArray[np.int64] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of whole images, and of halves of two."""
        assert labels is not None, "halves of two images are of one class"
        others = mixed(pixels, labels, trial.seed)
        return coherence_scores(network, pixels, None, trial.seed), coherence_scores(
            network, pixels, others, trial.seed
        )

    whole, torn = scores(*held_out(prepared))
    metrics["check"] = area(whole, torn)
    if metrics["check"] < LEAST:
        return metrics
    if real == "mixed":
        return {**metrics, "coherence": float(torn.mean())}
    if samples is not None:
        whole, torn = scores(samples.pixels, samples.labels)
    return {**metrics, "coherence": float(whole.mean()), "mixed": float(torn.mean()), "tie": area(whole, torn)}
