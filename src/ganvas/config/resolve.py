"""Settles every "auto" of a run, once: `RunConfig` -> `ResolvedRun`.

Each rule looks at the training images and the budget alone, so that the same set and the same number of images always
get the same answer. What follows from the machine (compute, and the images of a budget in minutes) is measured by
`ganvas.training.autotune` and passed in.
"""

from typing import Any, Literal

import numpy as np

from ganvas.config.run import SQUARE_PAIRS, ComputeConfig, ResolvedRun, RunConfig, TimeBudget
from ganvas.config.training import TrainingConfig
from ganvas.data.batches import EVENLY
from ganvas.data.prepared import PreparedSet, refuse_several_parts
from ganvas.errors import UserError
from ganvas.networks.book import BookConv
from ganvas.networks.modern import NARROW, Modern
from ganvas.objectives.config import ClassifierObjective, GanObjective
from ganvas.sizes import Size

# A gradient penalty sums over the values of an image, so the same weight restrains D less on larger images; Karras et
# al. 2020 (arXiv 2006.06676) scale it with the area. Sweeps from 784 to 6,912 values asked for a steeper power, and
# for no more than 1 (docs/notebook.md).
PENALTY_WEIGHT, PENALTY_VALUES, PENALTY_POWER, MAX_PENALTY = 0.03, 28 * 28, 2.5, 1.0
# A D that sees every pixel was better on small colour images, and on larger natural ones where there is time for it,
# with penalties that fall tenfold by the end, as in Huang et al. 2024 (arXiv 2501.05441). More channels were worth
# their time in colour at 32 px, and most in long runs (docs/notebook.md).
MAX_SMALL_SIZE, PENALTY_FINAL = 32, 0.1
SMALL_COLOUR_WIDTH, LONG_SMALL_COLOUR_WIDTH = 48, 64
# A long run shows so many images. Until a pace is measured, a minute is taken for so many.
LONG_IMAGES, USUAL_IMAGES_A_MINUTE = 100_000, 20_000
# The larger the image, the more values the layer behind the smallest map sums, each moved by the rate in one step of
# Adam. At 128 px the full rate diverged where a quarter of it drew faces; at 64 px half of it did not collapse in brief
# runs, as the whole did (docs/notebook.md).
FULL_RATE, MAX_FULL_RATE_SIZE = 0.002, 32
# Above this side natural images are trained at half the resolution first: more steps, whole faces sooner.
MAX_WHOLE_SIZE, HALF_RESOLUTION = 32, 0.5
# Rare classes are learned late where they are drawn as seldom as they occur.
UNEQUAL_RATIO = 3
# D memorises fewer training images than this unless it sees them shifted (Zhao et al. 2020, arXiv 2006.10738). Above
# 32 px shifting cost more than it gave, as long as such sets were trained; on photographs it teaches G the borders of
# shifted images, which are filled by their edge (docs/notebook.md).
SMALL_SET, MAX_SHIFTED_SIZE = 10_000, 32
COLOURS = {1: "grey", 3: "colour", 4: "colour and alpha"}
# A border is plain where this share of its pixels lies within so many grey levels of their median. Means of 1,000
# images: digits 1.0, pictograms 0.7, photographs and portraits 0.3.
PLAIN_SHARE, PLAIN_LEVELS, BORDERS_SEEN = 0.5, 16, 1_000


def resolve(run: RunConfig, prepared: PreparedSet, compute: ComputeConfig, images: int | None = None) -> ResolvedRun:
    """The run with nothing left open on this set, and the reasons, a sentence for each option the data decided.

    images: the whole budget, rounded up here to whole batches; None for a training that ends by its caller's clock.
    UserError where the set has no labels and the run cannot do without them, and for a book's pair unless the images
    are squares.
    """
    if isinstance(run.pair, SQUARE_PAIRS) and not prepared.size.is_square:
        raise UserError(
            f"the pair {run.pair.kind} is for squares alone, and {prepared.name} is prepared at {prepared.size} px: "
            f"give --crop square, --size {min(prepared.size)}, or another --recipe, such as modern"
        )
    values, reasons = run.model_dump(), list[str]()
    values["labels"] = _labels(run, prepared, reasons)
    smallest, largest = class_sizes(prepared) if values["labels"] == "on" else (0, 0)
    if run.training.sampler == "auto":
        is_unequal = largest > UNEQUAL_RATIO * smallest
        values["training"]["sampler"] = "square-root" if is_unequal else "epochs"
        if is_unequal:
            reasons.append(f"classes sampled by the square root of their size: {smallest} to {largest} images")
    long = is_long(run.training, prepared, images)
    if isinstance(run.objective, GanObjective):
        values["objective"] |= _objective(run.objective, prepared, long, reasons)
    if isinstance(run.pair, Modern):
        values["pair"] |= _modern(run.pair, prepared, long, values["objective"].get("augment") == "on", reasons)
    if run.optimiser.lr == "auto":
        values["optimiser"]["lr"] = FULL_RATE * min(1.0, MAX_FULL_RATE_SIZE / prepared.size.side)
        if prepared.size.side > MAX_FULL_RATE_SIZE:
            reasons.append(f"learning rate {values['optimiser']['lr']:.2g} (chosen for {prepared.size} px)")
    if isinstance(run.pair, BookConv) and run.pair.edges == "auto":
        values["pair"]["edges"] = "unread" if prepared.size == Size.square(128) else "padded"
    total = None if images is None else run.training.whole_batches(images)
    values["training"] |= {"minutes": None, "epochs": None, "images": total} | vars(compute)
    minutes, adapts_threads = run.training.minutes, run.training.threads == "auto"
    time = None if minutes is None else TimeBudget(begin_seconds=0, end_seconds=60 * minutes)
    return ResolvedRun(**values, reasons=tuple(reasons), adapts_threads=adapts_threads, time=time)


def class_sizes(prepared: PreparedSet) -> tuple[int, int]:
    """Training images of the smallest and of the largest class; (0, 0) for a set without labels.

    Of labels of several parts those of the part whose classes differ most.
    """
    if prepared.labels is None:
        return 0, 0
    parts = [(int(sizes[sizes > 0].min()), int(sizes.max())) for sizes in prepared.label_space.class_sizes()]
    return max(parts, key=lambda part: part[1] / part[0])


def has_plain_borders(prepared: PreparedSet) -> bool:
    """Whether most pixels at the borders of training images have one colour, as around digits and pictograms."""
    rows = np.asarray(prepared.train)[:: max(1, len(prepared.train) // BORDERS_SEEN)]
    pixels = np.asarray(prepared.pixels[rows]).astype(np.int16)  # (N, C, H, W)
    sides = pixels[:, :, 0], pixels[:, :, -1], pixels[:, :, 1:-1, 0], pixels[:, :, 1:-1, -1]
    border = np.concatenate(sides, axis=2)  # (N, C, 2 H + 2 W - 4)
    is_plain = np.abs(border - np.median(border, axis=2, keepdims=True)) <= PLAIN_LEVELS
    return bool(is_plain.all(axis=1).mean() >= PLAIN_SHARE)


def is_small_colour(prepared: PreparedSet) -> bool:
    """Whether the images are in colour and of no more pixels than 32x32."""
    return prepared.channels >= 3 and prepared.size.side <= MAX_SMALL_SIZE


def is_long(training: TrainingConfig, prepared: PreparedSet, images: int | None) -> bool:
    """Whether the budget is a long one. images: the whole budget, where it is known already."""
    if images is None:
        by_minutes = (training.minutes or 0) * USUAL_IMAGES_A_MINUTE
        images = training.images or round((training.epochs or 0) * len(prepared.train) or by_minutes)
    return images >= LONG_IMAGES


def needs_every_pixel(prepared: PreparedSet, long: bool) -> bool:
    """Whether D should see every pixel: of small colour images, and of natural ones if they are large or the run long.

    Natural images are those whose borders are not plain.
    """
    return is_small_colour(prepared) or ((long or is_large(prepared)) and not has_plain_borders(prepared))


def is_large(prepared: PreparedSet) -> bool:
    """Whether training at half the resolution first pays."""
    return prepared.size.side > MAX_WHOLE_SIZE


def _kind(prepared: PreparedSet) -> str:
    return "small colour images" if is_small_colour(prepared) else "natural images, by their borders"


def _labels(run: RunConfig, prepared: PreparedSet, reasons: list[str]) -> Literal["on", "off"]:
    """Whether the networks are given labels: "off" for a set without them."""
    if isinstance(run.objective, ClassifierObjective):
        refuse_several_parts(prepared, run.recipe)
    if prepared.classes:
        return run.labels
    if isinstance(run.objective, ClassifierObjective):
        raise UserError(f"{run.recipe} learns labels, and {prepared.name} has none; give it a folder per class")
    if run.training.sampler in EVENLY:
        raise UserError(f"--training.sampler {run.training.sampler} balances classes, and {prepared.name} has none")
    if run.labels == "on":
        reasons.append(f"{prepared.name} has no labels: trained without, and no class can be asked for")
    return "off"


def _modern(pair: Modern, prepared: PreparedSet, long: bool, is_augmented: bool, reasons: list[str]) -> dict[str, Any]:
    """What data and budget decide of the default pair: how D begins, the width, and what of G's images is smoothed."""
    is_strided, values = needs_every_pixel(prepared, long), dict[str, Any]()
    is_colour = is_strided and prepared.channels >= 3
    if pair.stem == "auto":
        values["stem"] = "strided" if is_strided or pair.is_halved() else "patches"
        if is_strided:
            reasons.append(f"{_kind(prepared)}: the discriminator sees every pixel")
    if pair.half_resolution == "auto":
        is_halved = is_strided and is_large(prepared) and pair.stem != "patches"
        values["half_resolution"] = HALF_RESOLUTION if is_halved else 0.0
        if is_halved:
            reasons.append(f"{prepared.size} px: half the resolution for the first {HALF_RESOLUTION:.0%} of the run")
    if pair.width == "auto":
        widest = LONG_SMALL_COLOUR_WIDTH if long else SMALL_COLOUR_WIDTH
        values["width"] = widest if is_small_colour(prepared) else NARROW
    if pair.blur == "auto":
        # A discriminator that sees shifted images does not notice single-pixel speckle, so G has to do without it.
        values["blur"] = "on" if is_augmented else "colour" if is_colour else "off"
        if is_augmented:
            reasons.append("generated images are smoothed by one pixel, against speckle")
        elif is_colour:
            reasons.append("the colour of generated images is smoothed, against speckle")
    return values


def _objective(objective: GanObjective, prepared: PreparedSet, long: bool, reasons: list[str]) -> dict[str, Any]:
    """What data and budget decide of an objective: augmentation, and the weights of the gradient penalties."""
    values: dict[str, Any] = {}
    if objective.augment == "auto":
        is_small = len(prepared.train) < SMALL_SET and prepared.size.side <= MAX_SHIFTED_SIZE
        is_shifted = is_small and has_plain_borders(prepared)
        values["augment"] = "on" if is_shifted else "off"
        if is_shifted:
            small_set = f"small set ({len(prepared.train):,} images) with plain borders"
            reasons.append(f"{small_set}: the discriminator sees randomly shifted images, against memorising")
    if objective.penalty_final == "auto":
        falls = needs_every_pixel(prepared, long)
        values["penalty_final"] = PENALTY_FINAL if falls else 1.0
        if falls:
            reasons.append(f"{_kind(prepared)}: the gradient penalties fall to {PENALTY_FINAL:.0%} by the end")
    if open_weights := [name for name in ("r1", "r2") if getattr(objective, name) == "auto"]:
        count = prepared.channels * prepared.size.height * prepared.size.width
        weight = min(MAX_PENALTY, float(f"{PENALTY_WEIGHT * (count / PENALTY_VALUES) ** PENALTY_POWER:.2g}"))
        values |= dict.fromkeys(open_weights, weight)
        names, colour = " = ".join(open_weights).upper(), COLOURS[prepared.channels]
        reasons.append(f"{names} = {weight:g} (chosen for {prepared.size} {colour})")
    return values
