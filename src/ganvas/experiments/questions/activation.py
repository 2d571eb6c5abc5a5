"""GELU in place of LeakyReLU, as chapter 9 suggests trying."""

from typing import Any

from ganvas.experiments.experiment import Comparison, Experiment, Variant
from ganvas.experiments.gan_trials import BALANCE, FCD, train_and_score

# In batches of 16, for more images in the same time, and with 32 maps in place of the book's 256.
BATCHED: dict[str, Any] = {"training": {"batch": 16}, "optimiser": {"lr": 4e-4}}
BOOK, MODERN = ("activation",), ("generator_activation", "discriminator_activation")
PAIRS: dict[str, tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    # pair: recipe, what is changed of its networks and of its run, the options that name an activation
    "book": ("book-conditional", {}, BATCHED, BOOK),
    "book convolutional": ("book-conv", {"width": 32}, BATCHED, BOOK),
    "modern": ("modern", {}, {}, MODERN),
}
EXPERIMENT = Experiment(
    name="activation",
    claim="Try `nn.GELU()` instead of `nn.LeakyReLU()`.",
    chapter="Try it yourself",
    measure=train_and_score,
    variants=tuple(
        Variant(
            f"{pair}, {activation}",
            {"recipe": recipe, "run": {**run, "pair": {**network, **dict.fromkeys(options, activation)}}},
        )
        for pair, (recipe, network, run, options) in PAIRS.items()
        for activation in ("leaky-relu", "gelu")
    ),
    measures=(FCD, BALANCE),
    comparisons=tuple(
        Comparison.between(
            "fcd", f"{pair}, gelu", f"{pair}, leaky-relu", f"GELU makes the {pair} GAN draw {{better|worse}}"
        )
        for pair in PAIRS
    ),
    limits=(
        "The book's pairs train in batches of 16 in place of single images, so that enough of them fit the time.",
        "The convolutional pair has 32 maps in place of the book's 256.",
    ),
    headlines=3,
    seconds=12.0,
)
