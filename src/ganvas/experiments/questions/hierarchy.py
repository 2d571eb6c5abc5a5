"""Whether features go from low over middle to high, as chapter 9 says of layers on layers."""

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.probes import FEATURES, PIXELS, measure_probe

LAYERS = {PIXELS: "pixels", 1: "first layer", 2: "second layer", 3: "last maps", FEATURES: "last features"}
TARGETS = {"gradient": "direction of an edge", "loops": "loops", "ends": "ends of strokes", "class": "class"}


def _names(targets: tuple[str, ...], layer: int) -> tuple[str, ...]:
    return tuple(f"{TARGETS[target]}, {LAYERS[layer]}" for target in targets)


EXPERIMENT = Experiment(
    name="hierarchy",
    claim="Convolve feature maps again and features get higher: low, middle, high.",
    chapter="Hierarchy of features",
    measure=measure_probe,
    variants=tuple(
        Variant(f"{title}, {LAYERS[layer]}", {"asked": target, "layer": layer}, x=layer, line=title)
        for target, title in TARGETS.items()
        for layer in LAYERS
    ),
    measures=(
        Measure("score", "kappa of a linear probe", "higher", "points", 3),
        Measure("untrained", "of the same untrained", "higher", "points", 3),
        Measure("learned", "what learning adds", "higher", "points", 3),
    ),
    comparisons=(
        *(
            Comparison(
                "score",
                _names(targets, layer),
                _names(targets, than),
                f"{title} are read {{better|worse}} from the {LAYERS[layer]} than from the {LAYERS[than]}",
            )
            for title, targets, layer, than in (
                ("Low features (directions of edges)", ("gradient",), 1, 3),
                ("Middle features (loops and ends of strokes)", ("loops", "ends"), 3, 1),
                ("Middle features (loops and ends of strokes)", ("loops", "ends"), 3, FEATURES),
                ("High features (classes)", ("class",), FEATURES, 1),
            )
        ),
        Comparison(
            "learned",
            _names(("class",), FEATURES),
            _names(("gradient",), 1),
            "Learning adds {more|less} to reading the class from the last features than edges from the first layer",
        ),
    ),
    limits=(
        "The layers are those of a classifier that learned classes, not of a generator.",
        "A direction is read from a map's values at one position, the rest from all positions at once: an early "
        "layer has more values than a late one, and the last features know no position at all.",
        "Loops and ends are counted in light strokes on a dark ground; of images that are no strokes those two "
        "figures say nothing.",
        "Loops and ends go with the class of a digit, so a layer that encodes the class encodes something of them.",
        "Classifiers are shown 3,000 images of 28 px a second of the budget, fewer of larger ones: about one thread's.",
        "A probe is linear: what it cannot read may still be there.",
    ),
    headlines=4,
    seconds=6.0,
    axis="layers above the pixels",
)
