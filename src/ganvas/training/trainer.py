"""A run's networks, optimisers and draws, put together: what the loop repeats and the checkpoint keeps."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from ganvas import console
from ganvas.config.resolve import resolve
from ganvas.config.run import OptimiserConfig, RunConfig
from ganvas.data.batches import Batches, FakeLabels
from ganvas.data.prepared import PreparedSet
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.pair import Pair, Shape
from ganvas.objectives.augment import MAX_SHIFT_DIVISOR
from ganvas.objectives.config import BookObjective, ClassifierObjective, GanObjective
from ganvas.rng import seed_step, seed_weights, stream
from ganvas.training.ema import EMA
from ganvas.training.engine import Engine
from ganvas.training.step import Optimisers, StepInputs, StepMetrics, book_step, classifier_step, gan_step

DROPOUT = (nn.Dropout, nn.Dropout2d)


@dataclass(frozen=True)
class Trainer:
    """Everything that one step changes, and the step."""

    networks: dict[str, nn.Module]
    """By name: generator and discriminator, or classifier."""
    optimisers: dict[str, torch.optim.Optimizer]
    """By the network's name."""
    step: Callable[[int], StepMetrics]
    """Takes the step of that number: draws its inputs, and updates the weights."""
    batch: int
    """Images a step, over all processes."""
    lr_at: Callable[[float], float]
    """The learning rate at a share, 0 to 1, of the training."""
    ema: EMA | None = field(default=None)
    """Of the generator's weights; None for a classifier."""

    def advance(self, number: int, progress: float) -> StepMetrics:
        """The step of that number at a share of the training: the learning rate is set, the average follows.

        Whoever trains calls this: the loop, the experiments, the benchmarks.
        """
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = self.lr_at(progress)
        metrics = self.step(number)
        if self.ema:
            self.ema.update(self.batch, (number + 1) * self.batch)
        return metrics

    def bundle_networks(self) -> dict[str, nn.Module]:
        """The networks that a bundle holds: the averaged generator and the discriminator, or the classifier."""
        return {**self.networks, "generator": self.ema.network} if self.ema else self.networks


def network_shape(run: RunConfig, prepared: PreparedSet) -> Shape:
    """What the data, and the wish for labels, ask of the networks."""
    return Shape(prepared.channels, prepared.size, len(prepared.classes) if run.labels == "on" else 0)


def build_trainer(run: RunConfig, prepared: PreparedSet, engine: Engine) -> Trainer:
    """New networks with weights drawn from the run's seed, ready to play."""
    with console.quiet():
        run = resolve(run, prepared)
    shape = network_shape(run, prepared)
    sampler = run.training.sampler
    assert sampler != "auto", "what is left to the data is settled first"
    batches = Batches(prepared, run.training.batch, run.seed, sampler, shape.classes > 0, engine.rank, engine.world)
    seed_weights(run.seed, run.pair.kind)
    if isinstance(run.pair, BookClassifier):
        assert isinstance(run.objective, ClassifierObjective)
        return _classification(run, run.objective, engine.place(run.pair.build(shape)), batches, engine)
    built = run.pair.build(shape)
    pair = Pair(engine.place(built.generator), engine.place(built.discriminator))
    optimisers = Optimisers(
        build_optimiser(run.optimiser, pair.generator), build_optimiser(run.optimiser, pair.discriminator)
    )
    rule = run.objective
    assert not isinstance(rule, ClassifierObjective)
    draw = batch_drawer(run, rule, prepared, pair, batches, engine, labelled=shape.classes > 0)

    drops_out = any(
        isinstance(part, DROPOUT) for player in (pair.generator, pair.discriminator) for part in player.modules()
    )

    def step(number: int) -> StepMetrics:
        if drops_out:
            seed_step(run.seed, number, engine.rank)
        if isinstance(rule, BookObjective):
            return book_step(pair, optimisers, engine, rule, draw(number))
        return gan_step(pair, optimisers, engine, rule, draw(number), number)

    return Trainer(
        {"generator": pair.generator, "discriminator": pair.discriminator},
        {"generator": optimisers.generator, "discriminator": optimisers.discriminator},
        step,
        run.training.batch,
        partial(learning_rate, run.optimiser),
        EMA(pair.generator, run.training.ema_halflife_images, run.training.ema_ramp),
    )


def batch_drawer(
    run: RunConfig,
    rule: GanObjective | BookObjective,
    prepared: PreparedSet,
    pair: Pair,
    batches: Batches,
    engine: Engine,
    labelled: bool,
) -> Callable[[int], StepInputs]:
    """A function from a step's number to its draws: made for the global batch, then this process's slice."""
    batch, noise_size = run.training.batch, pair.generator.noise_size
    fake_labels = FakeLabels(prepared, rule.fake_labels, run.seed) if labelled else None

    def noise(purpose: str, step: int) -> Tensor:
        return engine.shard(torch.randn(batch, noise_size, generator=stream(run.seed, purpose, step)))

    def asked(purpose: str, step: int, real: Tensor | None) -> Tensor | None:
        if fake_labels is None or real is None:
            return None
        if fake_labels.how == "paired":
            return real
        return engine.shard(fake_labels.draw(purpose, step, batch))

    def draw(step: int) -> StepInputs:
        real = batches.at(step)
        images = engine.move(real.images)
        labels = None if real.labels is None else engine.move(real.labels)
        first, first_labels = noise("noise", step), asked("labels", step, labels)
        if isinstance(rule, GanObjective):
            ways = None
            if rule.augment == "on":
                most = prepared.size // MAX_SHIFT_DIVISOR
                ways = torch.randint(-most, most + 1, (batch, 3, 2), generator=stream(run.seed, "augment", step))
                ways = engine.shard(ways).transpose(0, 1)
            return StepInputs(images, labels, first, first_labels, first, first_labels, ways)
        again = noise("noise again", step), asked("labels again", step, labels)
        return StepInputs(images, labels, first, first_labels, *again)

    return draw


def build_optimiser(choice: OptimiserConfig, network: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of one network. Fused: one pass over the weights instead of one a formula."""
    parameters = list(network.parameters())
    if choice.name == "sgd":
        return torch.optim.SGD(parameters, lr=choice.lr, weight_decay=choice.weight_decay, fused=True)
    kind = torch.optim.AdamW if choice.name == "adamw" else torch.optim.Adam
    betas = (choice.beta1, choice.beta2)
    return kind(parameters, lr=choice.lr, betas=betas, weight_decay=choice.weight_decay, fused=True)


def learning_rate(choice: OptimiserConfig, progress: float) -> float:
    """The learning rate at a share (0 to 1) of the run: constant, then in a straight line to its last share."""
    if progress <= choice.lr_hold or choice.lr_hold == 1:
        return choice.lr
    fallen = min(1.0, (progress - choice.lr_hold) / (1 - choice.lr_hold))
    return choice.lr * (1 - fallen * (1 - choice.lr_final))


def steps_for(images: int, batch: int) -> int:
    """Steps that show at least so many images."""
    return max(1, math.ceil(images / batch))


def _classification(
    run: RunConfig, rule: ClassifierObjective, classifier: nn.Module, batches: Batches, engine: Engine
) -> Trainer:
    optimiser_of_classifier = build_optimiser(run.optimiser, classifier)

    def step(number: int) -> StepMetrics:
        batch = batches.at(number)
        assert batch.labels is not None
        images, labels = engine.move(batch.images), engine.move(batch.labels)
        return classifier_step(classifier, optimiser_of_classifier, engine, rule, images, labels)

    lr_at = partial(learning_rate, run.optimiser)
    return Trainer({"classifier": classifier}, {"classifier": optimiser_of_classifier}, step, run.training.batch, lr_at)
