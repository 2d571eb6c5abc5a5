"""GELU in place of LeakyReLU, as chapter 9 suggests trying."""

from typing import Any

from ganvas.studies.playing import scored
from ganvas.studies.question import Comparison, Measure, Question, Row

# In batches of 16, for more pictures in the same time, and with 32 maps in place of the book's 256.
BATCHED: dict[str, Any] = {"training": {"batch": 16}, "optimiser": {"rate": 4e-4}}
PAIRS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "book": ("book-conditional", {}, BATCHED),
    "book convolutional": ("book-conv", {"width": 32}, BATCHED),
    "modern": ("modern", {}, {}),
}


def _row(pair: str, activation: str) -> Row:
    recipe, network, run = PAIRS[pair]
    players = ("generator_activation", "discriminator_activation") if recipe == "modern" else ("activation",)
    chosen = {**network, **dict.fromkeys(players, activation)}
    return Row(f"{pair}, {activation}", {"recipe": recipe, "run": {**run, "pair": chosen}})


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
        "The book's pairs train in batches of 16 in place of single pictures, so that enough of them fit the time.",
        "The convolutional pair has 32 maps in place of the book's 256.",
    ),
    headlines=3,
    seconds=12.0,
)
