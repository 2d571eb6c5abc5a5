"""Whether features are local, and whether D notices patches in the wrong places: chapter 9's stitched portraits."""

from typing import Any

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.patches import PIXELS, measure_locality

PARTS = (2, 4, 7)
BOOK_RUN = {"training": {"batch": 16}, "optimiser": {"lr": 5e-4}, "pair": {"width": 32}}
BOOK = "the book's convolutional pair"
PAIRS: dict[str, dict[str, Any]] = {"modern": {"recipe": "modern"}, BOOK: {"recipe": "book-conv", "run": BOOK_RUN}}


def _cut(parts: int) -> str:
    return {1: "whole images", PIXELS: "single pixels"}.get(parts, f"{parts} x {parts} patches")


def _classifier(learns: int, parts: int) -> Variant:
    """A point of a line, unless its patches are pixels: how many those are depends on the set."""
    line = "learned whole" if learns == 1 else "learned shuffled"
    choices = {"sees": "classifier", "learns": learns, "parts": parts}
    return Variant(f"{line}, sees {_cut(parts)}", choices, parts or None, line if parts else "")


def _discriminator(pair: str, parts: int) -> Variant:
    return Variant(f"D of {pair}, sees {_cut(parts)}", {"sees": "discriminator", "parts": parts, **PAIRS[pair]})


def _notices(pair: str) -> Comparison:
    claim = f"The D of {pair} scores an image above the same one with four patches in a wrong order"
    claim += ", {more|less} often than by chance"
    return Comparison.between("ranked", _discriminator(pair, 2).name, CHANCE.name, claim)


CHANCE = Variant("D of either, sees no difference", {**_discriminator("modern", 1).choices, "images_a_second": 64})
WHOLE, ASTRAY, PATCHES, SINGLE = (_classifier(*each).name for each in ((1, 1), (1, 4), (4, 4), (PIXELS, PIXELS)))


def _better(of: str, against: str, who: str, than: str) -> Comparison:
    return Comparison.between("accuracy", of, against, f"{who} tell the class {{better|worse}} than {than}")


EXPERIMENT = Experiment(
    name="locality",
    claim="The features of an image are local; what a convolutional GAN draws are patches, stitched together.",
    chapter="Localised patches, stuck together",
    measure=measure_locality,
    variants=(
        *(_classifier(1, parts) for parts in (1, *PARTS)),
        *(_classifier(parts, parts) for parts in (*PARTS, PIXELS)),
        *(_discriminator(pair, parts) for pair in PAIRS for parts in PARTS),
        CHANCE,
    ),
    measures=(
        Measure("accuracy", "accuracy of the classifier", "higher", "points", 3, is_share=True),
        Measure("ranked", "pairs of which D scores the whole image higher", "higher", "points", 3, is_share=True),
        Measure("field", "px that a value of the last convolution sees", "higher", "difference", 0),
    ),
    comparisons=(
        _better(PATCHES, SINGLE, "Sixteen patches in any order", "single pixels in any order"),
        _better(WHOLE, PATCHES, "Patches in their places", "sixteen of them in any order"),
        *(_notices(pair) for pair in PAIRS),
        _better(PATCHES, ASTRAY, "Classifiers of shuffled images, tested on such,", "those of whole images"),
    ),
    limits=(
        "A cut breaks strokes, so a D that responds to seams alone notices it too; whether the parts of a whole go "
        "together is another study's question.",
        "Behind its convolutions every one of these networks has a linear layer that sees the whole image.",
        "Discriminators are trained briefly, and scored on images that no generator draws.",
        "Classifiers are shown 3,000 images of 28 px a second of the budget, fewer of larger ones: about one thread's.",
        "Where the side is no multiple of the parts, a margin of a few pixels stays where it is.",
    ),
    headlines=4,
    seconds=10.0,
    axis="patches along a side of the image",
)
