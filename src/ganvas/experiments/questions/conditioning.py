"""Are images better when the networks get the labels? At equal time, and at equal numbers of images."""

from typing import Any

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.gan_trials import train_and_score

# The book's pair in batches of 16, so that enough images fit the time; its rate grows with the batch's square root.
BOOK: dict[str, Any] = {"recipe": "book-conditional", "run": {"training": {"batch": 16}, "optimiser": {"lr": 4e-4}}}
PAIRS = {"book": BOOK, "modern": {"recipe": "modern", "run": {}}}
IMAGES_A_SECOND = {"book": 3_000, "modern": 1_000}  # of the budget: below what a core does, so that both ends are near


def _variant(pair: str, labels: str, equal: str) -> Variant:
    choices = dict(PAIRS[pair])
    choices["run"] = {**choices["run"], "labels": "off" if labels == "no labels" else "on"}
    choices["shuffled"] = labels == "random labels"
    if equal == "images":
        choices["images_a_second"] = IMAGES_A_SECOND[pair]
    return Variant(f"{pair}, {labels}, equal {equal}", choices)


def _comparison(pair: str, equal: str) -> Comparison:
    at = f"at equal {'time' if equal == 'time' else 'numbers of images'}"
    return Comparison(
        "fcd",
        (f"{pair}, labels, equal {equal}",),
        (f"{pair}, no labels, equal {equal}",),
        f"The {pair} GAN draws {{better|worse}} images with labels than without {at}",
    )


RANDOM = (
    Comparison(
        "fcd",
        ("modern, labels, equal time",),
        ("modern, random labels, equal time",),
        "The data's labels make {better|worse} images than random ones",
    ),
    Comparison(
        "fcd",
        ("modern, random labels, equal time",),
        ("modern, no labels, equal time",),
        "Random labels make {better|worse} images than none",
    ),
)
EXPERIMENT = Experiment(
    name="conditioning",
    claim="A conditional GAN's images are better than those of a plain GAN that gets no labels.",
    chapter="Summary, and the claim",
    measure=train_and_score,
    variants=(
        *(
            _variant(pair, labels, equal)
            for equal in ("time", "images")
            for pair in PAIRS
            for labels in ("labels", "no labels")
        ),
        _variant("modern", "random labels", "time"),
    ),
    measures=(
        Measure("fcd", "FCD"),
        Measure("balance", "class balance", "higher", "points", 3),
        Measure("label_accuracy", "label accuracy", "higher", "points", 3),
    ),
    comparisons=(*(_comparison(pair, equal) for pair in PAIRS for equal in ("time", "images")), *RANDOM),
    limits=(
        "The distance is taken in a classifier's features, which look at what tells the classes apart.",
        "With labels, modern's discriminator is also taught the classes; without them that head is not there.",
        "Short trainings: what holds at their end may not hold after hours.",
    ),
    headlines=4,
    seconds=12.0,
)
