"""Whether a convolutional generator breaks what holds an image together, and whether attention repairs it."""

from ganvas.experiments.coherence import measure_coherence
from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.gan_trials import FCD

SIZE = 64
BATCHED = {"training": {"batch": 16}, "optimiser": {"lr": 5e-4}}  # more images in the same time than one at a time
CONV, DENSE, MODERN, REPAIRED = "book convolutional", "book fully connected", "modern", "modern with attention"
REAL, MIXED = "real images", "halves of two real images"


def _compared(measure: str, of: str, against: str) -> Comparison:
    which = {"coherence": "go together", "tie": "are distinguished from those of another image"}.get(measure, "")
    does = f"draws halves that {which}" if which else "draws"
    claim = f"The {of} generator {does} {{better|worse}} than the {against} one"
    if of == REAL:
        claim = f"The halves of real images {which} {{better|worse}} than the halves that a {against} generator draws"
    return Comparison.between(measure, of, against, claim)


EXPERIMENT = Experiment(
    name="harmony",
    claim="A convolutional generator breaks the harmony of a face, for it learns only local information.",
    chapter="Localised patches, stuck together",
    measure=measure_coherence,
    variants=(
        Variant(REAL, {"real": "whole", "size": SIZE}),
        *(
            Variant(name, {"recipe": recipe, "run": run, "size": SIZE})
            for name, recipe, run in (
                (CONV, "book-conv", {**BATCHED, "labels": "on", "pair": {"width": 32}}),
                (DENSE, "book-conditional", BATCHED),
                (MODERN, "modern", {}),
                (REPAIRED, "modern", {"pair": {"attention": True}}),
            )
        ),
        Variant(MIXED, {"real": "mixed", "size": SIZE}),
    ),
    measures=(
        Measure("coherence", "halves taken for one image's", "higher", "points", 3, is_share=True),
        FCD,
        Measure("mixed", "halves of two of them, the same", "higher", "points", 3, is_share=True),
        Measure("tie", "own half against another's (AUC)", "higher", "points", 3, is_share=True),
        Measure("check", "check on real halves (AUC)", "higher", "points", 3, is_share=True),
    ),
    comparisons=(
        _compared("coherence", REAL, CONV),
        _compared("coherence", DENSE, CONV),
        _compared("coherence", REPAIRED, MODERN),
        _compared("coherence", REAL, MODERN),
        *(_compared("tie", REAL, generator) for generator in (CONV, DENSE, MODERN)),
        _compared("tie", REPAIRED, MODERN),
        _compared("fcd", REPAIRED, MODERN),
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
