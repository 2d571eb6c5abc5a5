"""Which of the four refinements mattered: cross-entropy, LeakyReLU, LayerNorm, Adam? A full factorial."""

from itertools import combinations, product
from typing import Any

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.gan_trials import train_and_score

Flags = tuple[bool, ...]
NAMES = ("Cross-entropy for squared error", "LeakyReLU for sigmoid", "LayerNorm added", "Adam for SGD")
SHORT = ("bce", "leaky", "norm", "adam")
BATCH, FASTER = 64, 8  # rates grow with the batch's square root
ADAM, SGD = 1e-4, 1e-2  # the book's, one image at a time
EVERY: tuple[Flags, ...] = tuple(product((False, True), repeat=4))
NONE, ALL = EVERY[0], EVERY[-1]


def _name(flags: Flags, batch: int = BATCH) -> str:
    on = " ".join(short for short, flag in zip(SHORT, flags, strict=True) if flag) or "none"
    return on if batch == BATCH else f"{on}, batch {batch}"


def _variant(flags: Flags, batch: int = BATCH) -> Variant:
    bce, leaky, norm, adam = flags
    run: dict[str, Any] = {
        "objective": {"loss": "bce" if bce else "mse"},
        "pair": {"activation": "leaky-relu" if leaky else "sigmoid", "normalisation": "layer" if norm else "none"},
        "optimiser": {
            "name": "adam" if adam else "sgd",
            "lr": (ADAM if adam else SGD) * (FASTER if batch == BATCH else 1),
        },
        "training": {"batch": batch},
    }
    return Variant(_name(flags, batch), {"recipe": "book-gan", "run": run})


def _compared(title: str, of: list[Flags], batch: int = BATCH) -> Comparison:
    against = [flags for flags in EVERY if flags not in of] if batch == BATCH else [NONE]
    of_names, against_names = (tuple(_name(flags, batch) for flags in side) for side in (of, against))
    return Comparison("fcd", of_names, against_names, f"{title} {{helps|harms}}")


MAIN = [_compared(name, [flags for flags in EVERY if flags[index]]) for index, name in enumerate(NAMES)]
TOGETHER = [
    _compared(f"{SHORT[a]} with {SHORT[b]}, beyond each alone,", [flags for flags in EVERY if flags[a] == flags[b]])
    for a, b in combinations(range(4), 2)
]
CORNERS = _compared("All four refinements together, one image at a time,", [ALL], batch=1)
EXPERIMENT = Experiment(
    name="refinements",
    claim="Four refinements: BCE instead of MSE, LeakyReLU instead of sigmoid, LayerNorm added, Adam instead of SGD.",
    chapter="A fully connected discriminator, and four refinements",
    measure=train_and_score,
    variants=(*(_variant(flags) for flags in EVERY), _variant(NONE, 1), _variant(ALL, 1)),
    measures=(Measure("fcd", "FCD"), Measure("balance", "class balance", "higher", "points", 3)),
    comparisons=(*MAIN, *TOGETHER, CORNERS),
    limits=(
        "In batches of 64, rates are eight times the book's (its square root); two corners have the book's own.",
        "Both networks are refined alike, as in the book.",
        "An equal time is short for the slower combinations: that they would get there later is not excluded.",
    ),
    headlines=4,
    seconds=8.0,
)
