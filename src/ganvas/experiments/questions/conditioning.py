"""Are images better when the networks are told the labels? At equal time, and at equal numbers of images."""

from typing import Any

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.gan_trials import train_and_score

# The book's pair in batches of 16, so that enough images fit the time; its rate grows with the batch's square root.
BOOK: dict[str, Any] = {"recipe": "book-conditional", "run": {"training": {"batch": 16}, "optimiser": {"lr": 4e-4}}}
PAIRS = {"book": BOOK, "modern": {"recipe": "modern", "run": {}}}
IMAGES_A_SECOND = {"book": 3_000, "modern": 1_000}  # of the budget: below what a core does, so that both ends are near


def _row(pair: str, told: str, equal: str) -> Variant:
    choices = dict(PAIRS[pair])
    choices["run"] = {**choices["run"], "labels": "off" if told == "no labels" else "on"}
    choices["shuffled"] = told == "random labels"
    if equal == "images":
        choices["images_a_second"] = IMAGES_A_SECOND[pair]
    return Variant(f"{pair}, {told}, equal {equal}", choices)


def _comparison(pair: str, equal: str) -> Comparison:
    at = f"at equal {'time' if equal == 'time' else 'numbers of images'}"
    return Comparison(
        "fcd",
        (f"{pair}, labels, equal {equal}",),
        (f"{pair}, no labels, equal {equal}",),
        f"Told the labels, the {pair} GAN draws better images {at}",
        f"Told the labels, the {pair} GAN draws worse images {at}",
        f"One cannot tell whether labels make the {pair} GAN's images better {at}",
    )


RANDOM = (
    Comparison(
        "fcd",
        ("modern, labels, equal time",),
        ("modern, random labels, equal time",),
        "The data's labels make better images than random ones",
        "The data's labels make worse images than random ones",
        "One cannot tell the data's labels from random ones by the images",
    ),
    Comparison(
        "fcd",
        ("modern, random labels, equal time",),
        ("modern, no labels, equal time",),
        "Even random labels make better images than none",
        "Random labels make worse images than none",
        "One cannot tell random labels from none by the images",
    ),
)
EXPERIMENT = Experiment(
    name="conditioning",
    claim="A conditional GAN's images are better than those of a plain GAN that gets no labels.",
    place="Summary, and the claim",
    measure=train_and_score,
    rows=(
        *(
            _row(pair, told, equal)
            for equal in ("time", "images")
            for pair in PAIRS
            for told in ("labels", "no labels")
        ),
        _row("modern", "random labels", "time"),
    ),
    measures=(
        Measure("fcd", "FCD"),
        Measure("balance", "class balance", "higher", "points", 3),
        Measure("label_accuracy", "labels obeyed", "higher", "points", 3),
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
