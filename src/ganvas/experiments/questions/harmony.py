"""Whether a convolutional generator breaks what holds an image together, and whether attention repairs it."""

from typing import Any

from ganvas.experiments.coherence import measure_coherence
from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant

SIZE = 64
BATCHED = {"training": {"batch": 16}, "optimiser": {"lr": 5e-4}}  # more images in the same time than one at a time
CONV, DENSE, MODERN, REPAIRED = "book convolutional", "book fully connected", "modern", "modern with attention"
REAL, MIXED = "real images", "halves of two real images"


def _variant(name: str, recipe: str, run: dict[str, Any]) -> Variant:
    return Variant(name, {"recipe": recipe, "run": run, "size": SIZE})


def _real(other: str, measure: str) -> Comparison:
    which = "go together" if measure == "coherence" else "are told from those of another image"
    claim = f"The halves of real images {which} {{better|worse}} than the halves that a {other} generator draws"
    return Comparison(measure, (REAL,), (other,), claim)


def _more(one: str, other: str, measure: str) -> Comparison:
    does = {
        "coherence": "makes images whose halves go together",
        "tie": "makes halves that are told from those of another image",
        "fcd": "draws",
    }[measure]
    claim = f"The {one} generator {does} {{better|worse}} than the {other} one"
    return Comparison(measure, (one,), (other,), claim)


EXPERIMENT = Experiment(
    name="harmony",
    claim="A convolutional generator breaks the harmony of a face, for it learns only local information.",
    chapter="Localised patches, stuck together",
    measure=measure_coherence,
    variants=(
        Variant(REAL, {"real": "whole", "size": SIZE}),
        _variant(CONV, "book-conv", {**BATCHED, "labels": "on", "pair": {"width": 32}}),
        _variant(DENSE, "book-conditional", BATCHED),
        _variant(MODERN, "modern", {}),
        _variant(REPAIRED, "modern", {"pair": {"attention": True}}),
        Variant(MIXED, {"real": "mixed", "size": SIZE}),
    ),
    measures=(
        Measure("coherence", "halves taken for one image's", "higher", "points", 3),
        Measure("fcd", "FCD"),
        Measure("mixed", "halves of two of them, the same", "higher", "points", 3),
        Measure("tie", "own half told from another's (AUC)", "higher", "points", 3),
        Measure("check", "check on real halves (AUC)", "higher", "points", 3),
    ),
    comparisons=(
        _real(CONV, "coherence"),
        _more(DENSE, CONV, "coherence"),
        _more(REPAIRED, MODERN, "coherence"),
        _real(MODERN, "coherence"),
        *(_real(each, "tie") for each in (CONV, DENSE, MODERN)),
        _more(REPAIRED, MODERN, "tie"),
        _more(REPAIRED, MODERN, "fcd"),
    ),
    limits=(
        "Harmony is what a small classifier of halves, fitted to real images, takes for it; how sure it is of "
        "images unlike any real one is not known.",
        "Where images are all alike, halves of two of them go together as well as those of one: the AUC is then 0.5.",
        "The generators differ in more than convolution: in size, in loss, and in how many images fit the time.",
        "The book's generator has 32 maps in place of 256, and is given the classes; batches of 16 in place of 1.",
        "Each of these generators begins with one fully connected layer, so none knows neighbourhoods alone.",
    ),
    headlines=3,
    seeds=3,
    seconds=300.0,
)
