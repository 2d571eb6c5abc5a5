"""Named complete runs: the defaults of every option, below a file and the flags."""

from collections.abc import Callable
from typing import Any, Literal

from ganvas.config.run import NetworkConfig, OptimiserConfig, RunConfig, TrainingConfig, merge
from ganvas.data.config import DataConfig
from ganvas.errors import UserError, nearest
from ganvas.networks.book import BookConv, BookMLP
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.modern import Modern
from ganvas.networks.reference import Acgan, Dcgan, R3gan, Sngan, Yardstick
from ganvas.objectives.config import BookObjective, ClassifierObjective, GanObjective, ObjectiveConfig
from ganvas.settings import parse

# The book normalises by BatchNorm, one image at a time, and never leaves training mode: its networks' own `train`
# hides PyTorch's. So it trains *and* evaluates with each image's own averages, which is what InstanceNorm does in
# either mode. With BatchNorm's running averages its classifier loses four points on held-out digits.
ONE_IMAGE: Literal["instance"] = "instance"


def modern(source: str) -> RunConfig:
    """The default. Small networks without normalisation, non-saturating loss, rare R1 and R2, averaged weights."""
    return RunConfig(
        source=source,
        recipe="modern",
        pair=Modern(width="auto", stem="auto", half_resolution="auto"),
        optimiser=OptimiserConfig(lr="auto"),
        objective=GanObjective(r1="auto", r2="auto", penalty_final="auto", augment="auto"),
        training=TrainingConfig(minutes=10, sampler="auto"),
    )


def _book(
    source: str,
    recipe: str,
    pair: NetworkConfig,
    epochs: float,
    labels: Literal["on", "off"] = "off",
    objective: ObjectiveConfig | None = None,
    lr: float = 1e-4,
) -> RunConfig:
    """As the book trains: squares, one at a time, no running average, float32, and to its end whatever happens."""
    training = TrainingConfig(
        batch=1,
        epochs=epochs,
        precision="float32",
        ema_halflife_images=0,
        log_every=100,
        watch="warn",
        preview_every=20_000,
        save_every=60_000,
    )
    optimiser = OptimiserConfig(name="adam", lr=lr, beta1=0.9, beta2=0.999, lr_hold=1.0, lr_final=1.0)
    return RunConfig(
        source=source,
        recipe=recipe,
        data=DataConfig(crop="square"),
        labels=labels,
        pair=pair,
        objective=objective or BookObjective(),
        optimiser=optimiser,
        training=training,
    )


def book_gan(source: str) -> RunConfig:
    """The plain GAN of chapter 8: fully connected, no labels, 4 epochs, one image at a time."""
    return _book(source, "book-gan", BookMLP(), epochs=4)


def book_conditional(source: str) -> RunConfig:
    """The conditional GAN of chapter 10: the label joined to noise and image, 12 epochs, one image at a time."""
    return _book(source, "book-conditional", BookMLP(), epochs=12, labels="on")


def book_conv(source: str) -> RunConfig:
    """The convolutional GAN of chapter 9, exactly the book's at 128 px: no labels, 6 epochs, one image at a time."""
    return _book(source, "book-conv", BookConv(normalisation=ONE_IMAGE), epochs=6)


def book_conv_gelu(source: str) -> RunConfig:
    """`book-conv` with GELU in place of LeakyReLU, as the chapter suggests trying."""
    return _book(source, "book-conv-gelu", BookConv(activation="gelu", normalisation=ONE_IMAGE), epochs=6)


def book_classifier(source: str) -> RunConfig:
    """The convolutional classifier of chapter 9: 3 epochs, one image at a time; published 98.14 % on MNIST."""
    classifier = BookClassifier(normalisation=ONE_IMAGE)
    return _book(source, "book-classifier", classifier, 3, labels="on", objective=ClassifierObjective(), lr=1e-3)


def yardstick(source: str) -> RunConfig:
    """What `modern` is measured by, every choice pinned: however `modern` moves on, this one stays.

    Non-saturating loss, R1 and R2 of 0.03 at every fourth step, AdamW 2e-3, an average of half-life 22,160 images.
    """
    return RunConfig(
        source=source,
        recipe="yardstick",
        pair=Yardstick(width=32, noise=64, embedding=64, features=128),
        objective=GanObjective(loss="non-saturating", r1=0.03, r2=0.03, penalty_every=4, fake_labels="paired"),
        optimiser=OptimiserConfig(name="adamw", lr=0.002, beta1=0.0, beta2=0.99, lr_hold=0.5, lr_final=0.05),
        training=TrainingConfig(minutes=10, batch=64, ema_halflife_images=22_160, ema_ramp=1.0),
    )


def dcgan_concat(source: str) -> RunConfig:
    """The usual tutorial's conditional convolutional pair, for comparison: label planes, BatchNorm, cross-entropy.

    Adam 2e-4 (0.5, 0.999), batch 64, labels drawn uniformly, no average of the weights.
    """
    return RunConfig(
        source=source,
        recipe="dcgan-concat",
        pair=Dcgan(),
        objective=GanObjective(loss="bce", r1=0.0, r2=0.0, fake_labels="uniform"),
        optimiser=OptimiserConfig(name="adam", lr=2e-4, beta1=0.5, beta2=0.999, lr_hold=1.0, lr_final=1.0),
        training=TrainingConfig(minutes=10, ema_halflife_images=0),
    )


def acgan(source: str) -> RunConfig:
    """The auxiliary classifier GAN as it is commonly run, for comparison: D also predicts the label.

    Cross-entropy, Adam 2e-4 (0.5, 0.999), batch 64, labels drawn uniformly, no average of the weights.
    """
    run = dcgan_concat(source)
    weights = {"classify_real": 1.0, "classify_fake": 1.0, "classify_generator": 1.0}
    objective = run.objective.model_copy(update=weights)
    return run.model_copy(update={"recipe": "acgan", "pair": Acgan(), "objective": objective})


def sngan_projection(source: str) -> RunConfig:
    """Spectral normalisation, hinge loss, projection and conditional batch normalisation, for comparison.

    Five updates of D for each one of G, Adam 2e-4 (0, 0.9), batch 64, as in the papers on 32 px; weights not averaged.
    """
    return RunConfig(
        source=source,
        recipe="sngan-projection",
        pair=Sngan(),
        objective=GanObjective(loss="hinge", r1=0.0, r2=0.0, generator_every=5, fake_labels="uniform"),
        optimiser=OptimiserConfig(name="adam", lr=2e-4, beta1=0.0, beta2=0.9, lr_hold=1.0, lr_final=1.0),
        training=TrainingConfig(minutes=10, ema_halflife_images=0),
    )


def r3gan_small(source: str) -> RunConfig:
    """A small R3GAN, for comparison: relativistic pairs, R1 and R2 at every step, residual blocks with groups.

    Penalties fall tenfold over the run, Adam's decay of the mean square rises from 0.9 to 0.99 and the learning rate
    falls, as in the paper (arXiv 2501.05441), whose sizes and budgets are a hundred times these.
    """
    return RunConfig(
        source=source,
        recipe="r3gan-small",
        pair=R3gan(),
        objective=GanObjective(loss="relativistic", r1=0.5, r2=0.5, penalty_every=1, penalty_final=0.1),
        optimiser=OptimiserConfig(name="adam", lr=1e-3, beta1=0.0, beta2=0.9, beta2_final=0.99, lr_hold=0.0),
        training=TrainingConfig(minutes=10),
    )


RECIPES: dict[str, Callable[[str], RunConfig]] = {
    "modern": modern,
    "book-classifier": book_classifier,
    "book-gan": book_gan,
    "book-conv": book_conv,
    "book-conv-gelu": book_conv_gelu,
    "book-conditional": book_conditional,
    "yardstick": yardstick,
    "dcgan-concat": dcgan_concat,
    "acgan": acgan,
    "sngan-projection": sngan_projection,
    "r3gan-small": r3gan_small,
}


def configure(source: str, recipe: str, *choices: dict[str, Any]) -> RunConfig:
    """A recipe with choices laid over it, later ones above earlier ones.

    UserError for an unknown recipe, an unknown option (with the nearest name) or a value that does not fit.
    """
    if recipe not in RECIPES:
        raise UserError(f"there is no recipe {recipe!r}; {nearest(recipe, RECIPES)}")
    values = RECIPES[recipe](source).model_dump()
    for choice in choices:
        for part in ("pair", "objective"):
            chosen = choice.get(part)
            if isinstance(chosen, dict) and chosen.get("kind") not in (None, values[part]["kind"]):
                values[part] = {}  # another kind starts from its own defaults, not from the recipe's values
        values = merge(values, choice)
    return parse(RunConfig, values)
