"""Whether features go from low over middle to high, as chapter 9 says of layers on layers."""

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.probes import FEATURES, PIXELS, measure_probe

LAYERS = {PIXELS: "pixels", 1: "first layer", 2: "second layer", 3: "last maps", FEATURES: "last features"}
ASKED = {"gradient": "direction of an edge", "loops": "loops", "ends": "ends of strokes", "class": "class"}
MIDDLE = ("loops", "ends")


def _variant(asked: str, layer: int) -> Variant:
    return Variant(f"{ASKED[asked]}, {LAYERS[layer]}", {"asked": asked, "layer": layer}, layer, ASKED[asked])


def _names(asked: tuple[str, ...], layer: int) -> tuple[str, ...]:
    return tuple(_variant(each, layer).name for each in asked)


def _reads(what: str, asked: tuple[str, ...], at: int, than: int) -> Comparison:
    claim = f"{what} are read {{better|worse}} from the {LAYERS[at]} than from the {LAYERS[than]}"
    return Comparison("score", _names(asked, at), _names(asked, than), claim)


LEARNING = "Learning adds {more|less} to reading the class from the last features than edges from the first layer"
EXPERIMENT = Experiment(
    name="hierarchy",
    claim="Convolve feature maps again and features get higher: low, middle, high.",
    chapter="Hierarchy of features",
    measure=measure_probe,
    variants=tuple(_variant(asked, layer) for asked in ASKED for layer in LAYERS),
    measures=(
        Measure("score", "kappa of a linear probe", "higher", "points", 3),
        Measure("untrained", "of the same untrained", "higher", "points", 3),
        Measure("learned", "what learning adds", "higher", "points", 3),
    ),
    comparisons=(
        _reads("Low features (directions of edges)", ("gradient",), 1, 3),
        _reads("Middle features (loops and ends of strokes)", MIDDLE, 3, 1),
        _reads("Middle features (loops and ends of strokes)", MIDDLE, 3, FEATURES),
        _reads("High features (classes)", ("class",), FEATURES, 1),
        Comparison(
            "learned",
            _names(("class",), FEATURES),
            _names(("gradient",), 1),
            LEARNING,
        ),
    ),
    limits=(
        "The layers are those of a classifier that learned classes, not of a generator.",
        "A direction is read from a map's values at one place, the rest from all places of a layer at once: an early "
        "layer has more values than a late one, and the last features know no position at all.",
        "Loops and ends are counted in light strokes on a dark ground; of images that are no strokes those two "
        "figures say nothing.",
        "Loops and ends go with the class of a digit, so a layer that tells the class tells something of them.",
        "Classifiers are shown 3,000 images of 28 px a second of the budget, fewer of larger ones: about a thread's.",
        "A straight line is all a probe can draw: what it cannot tell may still be there.",
    ),
    headlines=4,
    seconds=6.0,
    axis="layers above the pixels",
)
