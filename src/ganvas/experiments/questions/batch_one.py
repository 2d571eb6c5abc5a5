"""The book trains on one image at a time: quality at equal time for batches of 1 to 256."""

import math

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.gan_trials import FCD, train_and_score

BATCHES = (1, 4, 16, 64, 256)
RECIPES = {"book": ("book-conditional", 1, 1e-4), "modern": ("modern", 64, 2e-3)}  # recipe, its batch, its lr


def _variant(pair: str, batch: int) -> Variant:
    recipe, own_batch, lr = RECIPES[pair]
    run = {"training": {"batch": batch}, "optimiser": {"lr": lr * math.sqrt(batch / own_batch)}}
    return Variant(f"{pair}, batch {batch}", {"recipe": recipe, "run": run}, x=batch, line=pair)


EXPERIMENT = Experiment(
    name="batch-one",
    claim="The book trains on one image at a time. Are larger batches better?",
    chapter="The training loop",
    measure=train_and_score,
    variants=tuple(_variant(pair, batch) for pair in RECIPES for batch in BATCHES),
    measures=(FCD, Measure("images", "images seen", "higher", "ratio", 0)),
    comparisons=tuple(
        Comparison.between(
            "fcd",
            f"{pair}, batch {batch}",
            f"{pair}, batch {than}",
            f"The {pair} GAN draws {{better|worse}} images after the same time in batches of {batch} than of {than}",
        )
        for pair, pairs in (("book", ((16, 1), (64, 1), (64, 16), (256, 64))), ("modern", ((16, 64), (256, 64))))
        for batch, than in pairs
    ),
    limits=(
        "The learning rate grows with the square root of the batch, from the book's own at 1 and modern's at 64; "
        "a rate tuned for each batch could move the best one.",
        "One thread of one CPU: on a graphics card large batches cost less.",
    ),
    headlines=2,
    seconds=12.0,
    axis="images in a batch",
)
