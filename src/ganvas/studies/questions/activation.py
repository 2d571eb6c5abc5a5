"""GELU in place of LeakyReLU, as chapter 9 suggests trying."""

from ganvas.studies.playing import scored
from ganvas.studies.question import Comparison, Measure, Question, Row

PAIRS = {"book": "book-conditional", "book convolutional": "book-conv"}
WIDTH = 32  # maps of the convolutional pair, in place of the book's 256
BATCHED = {"training": {"batch": 16}, "optimiser": {"rate": 5e-4}}  # more pictures in the same time than one at a time


def _row(pair: str, activation: str) -> Row:
    run = {**BATCHED, "pair": {"activation": activation, **({"width": WIDTH} if pair != "book" else {})}}
    return Row(f"{pair}, {activation}", {"recipe": PAIRS[pair], "run": run})


QUESTION = Question(
    name="activation",
    claim="Try `nn.GELU()` instead of `nn.LeakyReLU()`.",
    place="Try it yourself",
    measure=scored,
    rows=tuple(_row(pair, activation) for pair in PAIRS for activation in ("leaky-relu", "gelu")),
    measures=(Measure("fcd", "FCD"), Measure("balance", "class balance", "higher", "points", 3)),
    comparisons=tuple(
        Comparison(
            "fcd",
            (f"{pair}, gelu",),
            (f"{pair}, leaky-relu",),
            f"GELU makes the {pair} GAN draw better",
            f"GELU makes the {pair} GAN draw worse",
            f"One cannot tell whether GELU helps the {pair} GAN",
        )
        for pair in PAIRS
    ),
    limits=(
        "Batches of 16 in place of the book's single pictures, so that enough of them fit the time.",
        "The convolutional pair has 32 maps in place of the book's 256.",
    ),
    headlines=2,
)
