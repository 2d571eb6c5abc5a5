"""Which of the four refinements mattered: cross-entropy, LeakyReLU, LayerNorm, Adam? A full factorial."""

from itertools import combinations, product
from typing import Any

from ganvas.experiments.experiment import Comparison, Experiment, Variant
from ganvas.experiments.gan_trials import BALANCE, FCD, train_and_score

NAMES = ("Cross-entropy for squared error", "LeakyReLU for sigmoid", "LayerNorm added", "Adam for SGD")
SHORT = ("bce", "leaky", "norm", "adam")
EVERY = tuple(product((False, True), repeat=4))  # whether each of the four is on


def _name(flags: tuple[bool, ...]) -> str:
    return " ".join(short for short, flag in zip(SHORT, flags, strict=True) if flag) or "none"


def _variant(flags: tuple[bool, ...], batch: int = 64) -> Variant:
    bce, leaky, norm, adam = flags
    lr = 1e-4 if adam else 1e-2  # the book's, one image at a time; lr grows with the batch's square root
    run: dict[str, Any] = {
        "objective": {"loss": "bce" if bce else "mse"},
        "pair": {"activation": "leaky-relu" if leaky else "sigmoid", "normalisation": "layer" if norm else "none"},
        "optimiser": {"name": "adam" if adam else "sgd", "lr": lr * (8 if batch == 64 else 1)},
        "training": {"batch": batch},
    }
    return Variant(_name(flags) + ("" if batch == 64 else f", batch {batch}"), {"recipe": "book-gan", "run": run})


def _effect(title: str, on: list[bool]) -> Comparison:
    """Of the combinations with something, on average, against all others; `on` says for each whether it has it."""
    names = list(zip(map(_name, EVERY), on, strict=True))
    of, against = (tuple(name for name, has in names if has is side) for side in (True, False))
    return Comparison("fcd", of, against, f"{title} {{helps|harms}}")


EXPERIMENT = Experiment(
    name="refinements",
    claim="Four refinements: BCE instead of MSE, LeakyReLU instead of sigmoid, LayerNorm added, Adam instead of SGD.",
    chapter="A fully connected discriminator, and four refinements",
    measure=train_and_score,
    variants=(*map(_variant, EVERY), _variant(EVERY[0], 1), _variant(EVERY[-1], 1)),
    measures=(FCD, BALANCE),
    comparisons=(
        *(_effect(name, [flags[index] for flags in EVERY]) for index, name in enumerate(NAMES)),
        *(
            _effect(f"{SHORT[a]} with {SHORT[b]}, beyond each alone,", [flags[a] == flags[b] for flags in EVERY])
            for a, b in combinations(range(4), 2)
        ),
        Comparison.between(
            "fcd",
            f"{_name(EVERY[-1])}, batch 1",
            "none, batch 1",
            "All four refinements together, one image at a time, {helps|harms}",
        ),
    ),
    limits=(
        "In batches of 64, rates are eight times the book's (its square root); two corners have the book's own.",
        "Both networks are refined alike, as in the book.",
        "An equal time is short for the slower combinations: that they would get there later is not excluded.",
    ),
    headlines=4,
    seconds=8.0,
)
