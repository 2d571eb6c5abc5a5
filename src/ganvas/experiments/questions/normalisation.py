"""LayerNorm became BatchNorm: what that does to the book's classifier, and to its conditional GAN."""

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.gan_trials import FCD
from ganvas.experiments.normalising import measure_normalisation

NAMES = {
    "layer": "LayerNorm",
    "batch": "BatchNorm",
    "own": "BatchNorm (own averages)",
    "instance": "InstanceNorm",
    "spectral": "spectral normalisation",
    "none": "no normalisation",
}
GAN = ("layer", "batch", "instance", "none")
BATCHED = {"training": {"batch": 16}, "optimiser": {"lr": 5e-4}}


def _classifier(normalisation: str, batch: int) -> Variant:
    choices = {"normalisation": normalisation, "batch": batch}
    return Variant(f"classifier, {normalisation}, {batch}", choices, batch, NAMES[normalisation])


def _gan(normalisation: str) -> Variant:
    run = {**BATCHED, "pair": {"normalisation": normalisation}}
    return Variant(f"GAN, {normalisation}, 16", {"recipe": "book-conditional", "run": run})


def _right(of: str, against: str, batch: int) -> Comparison:
    where = f"in batches of {batch}" if batch > 1 else "one image at a time"
    claim = f"The classifier is right {{more|less}} often with {NAMES[of]} than with {NAMES[against]}, {where}"
    return Comparison.between("accuracy", f"classifier, {of}, {batch}", f"classifier, {against}, {batch}", claim)


def _draws(of: str, against: str) -> Comparison:
    claim = f"The conditional GAN draws {{better|worse}} with {NAMES[of]} than with {NAMES[against]}"
    return Comparison.between("fcd", f"GAN, {of}, 16", f"GAN, {against}, 16", claim)


EXPERIMENT = Experiment(
    name="normalisation",
    claim="`LayerNorm()` became `BatchNorm()`: why?",
    chapter="MNIST CNN",
    measure=measure_normalisation,
    variants=(*(_classifier(name, batch) for name in NAMES for batch in (1, 8, 64)), *map(_gan, GAN)),
    measures=(
        Measure("accuracy", "accuracy", "higher", "points", 4, is_share=True),
        Measure("own_accuracy", "accuracy by each image's own averages", "higher", "points", 4, is_share=True),
        FCD,
    ),
    comparisons=(
        _right("batch", "layer", 64),
        _right("batch", "layer", 1),
        _right("own", "batch", 1),
        _right("own", "batch", 64),
        _right("instance", "layer", 1),
        _right("batch", "none", 64),
        _right("layer", "none", 64),
        _right("layer", "none", 1),
        *(_draws(*each) for each in (("batch", "layer"), ("layer", "none"), ("batch", "none"), ("instance", "layer"))),
    ),
    limits=(
        "What each does is measured; what the book's author had in mind is not.",
        "The rate is the recipe's for every normalisation and batch; the best rate of each may differ.",
        "The GAN sees batches of 16, not the book's single images, of which BatchNorm has nothing to average.",
    ),
    headlines=3,
    axis="images a batch",
)
