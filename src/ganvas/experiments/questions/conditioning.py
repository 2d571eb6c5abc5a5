"""Are images better when the networks get the labels? At equal time, and at equal numbers of images."""

from typing import Any

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.gan_trials import BALANCE, FCD, train_and_score

# Recipe, its changes, and images a second of the budget: fewer than a core trains, so that both ends are near.
# The book's pair has batches of 16, so that enough images fit the time; its lr grows with the batch's square root.
PAIRS: dict[str, tuple[str, dict[str, Any], int]] = {
    "book": ("book-conditional", {"training": {"batch": 16}, "optimiser": {"lr": 4e-4}}, 3_000),
    "modern": ("modern", {}, 1_000),
}


def _variant(pair: str, labels: str, equal: str) -> Variant:
    recipe, run, images_a_second = PAIRS[pair]
    run = {**run, "labels": "off" if labels == "no labels" else "on"}
    choices = {"recipe": recipe, "run": run, "shuffled": labels == "random labels"}
    if equal == "images":
        choices["images_a_second"] = images_a_second
    return Variant(f"{pair}, {labels}, equal {equal}", choices)


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
    measures=(FCD, BALANCE, Measure("label_accuracy", "label accuracy", "higher", "points", 3, is_share=True)),
    comparisons=(
        *(
            Comparison.between(
                "fcd",
                f"{pair}, labels, equal {equal}",
                f"{pair}, no labels, equal {equal}",
                f"The {pair} GAN draws {{better|worse}} images with labels than without at equal {what}",
            )
            for pair in PAIRS
            for equal, what in (("time", "time"), ("images", "numbers of images"))
        ),
        Comparison.between(
            "fcd",
            "modern, labels, equal time",
            "modern, random labels, equal time",
            "The data's labels make {better|worse} images than random ones",
        ),
        Comparison.between(
            "fcd",
            "modern, random labels, equal time",
            "modern, no labels, equal time",
            "Random labels make {better|worse} images than none",
        ),
    ),
    limits=(
        "The distance is taken in the features of a classifier, which are those that separate the classes.",
        "With labels, modern's discriminator is also taught the classes; without them that head is not there.",
        "Short trainings: what holds at their end may not hold after hours.",
    ),
    headlines=4,
    seconds=12.0,
)
