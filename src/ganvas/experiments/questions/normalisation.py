"""LayerNorm became BatchNorm: what that does to the book's classifier, and to its conditional GAN."""

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.normalising import normalised

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


def _classifier(kind: str, batch: int) -> Variant:
    return Variant(f"classifier, {kind}, {batch}", {"normalisation": kind, "batch": batch}, batch, NAMES[kind])


def _gan(kind: str) -> Variant:
    return Variant(
        f"GAN, {kind}, 16", {"recipe": "book-conditional", "run": {**BATCHED, "pair": {"normalisation": kind}}}
    )


def _right(of: str, against: str, batch: int) -> Comparison:
    where = f"In batches of {batch}" if batch > 1 else "One image at a time"
    one, other = NAMES[of], NAMES[against]
    return Comparison(
        "accuracy",
        (f"classifier, {of}, {batch}",),
        (f"classifier, {against}, {batch}",),
        f"{where}, the classifier is right more often with {one} than with {other}",
        f"{where}, the classifier is right less often with {one} than with {other}",
        f"{where}, one cannot tell whether {one} or {other} makes the better classifier",
    )


def _draws(of: str, against: str) -> Comparison:
    one, other = NAMES[of], NAMES[against]
    return Comparison(
        "fcd",
        (f"GAN, {of}, 16",),
        (f"GAN, {against}, 16",),
        f"The conditional GAN draws better with {one} than with {other}",
        f"The conditional GAN draws worse with {one} than with {other}",
        f"One cannot tell whether the conditional GAN draws better with {one} or with {other}",
    )


EXPERIMENT = Experiment(
    name="normalisation",
    claim="`LayerNorm()` became `BatchNorm()`: why?",
    place="MNIST CNN",
    measure=normalised,
    rows=(*(_classifier(kind, batch) for kind in NAMES for batch in (1, 8, 64)), *map(_gan, GAN)),
    measures=(
        Measure("accuracy", "accuracy", "higher", "points", 4),
        Measure("own_accuracy", "accuracy by each image's own averages", "higher", "points", 4),
        Measure("fcd", "FCD"),
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
