"""A run's networks, optimisers and step: what the loop repeats and a checkpoint holds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ganvas.config.run import OptimiserConfig, ResolvedRun
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


@dataclass(frozen=True)
class Trainer:
    """The networks, the optimisers, and the step that changes them."""

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
    ema: EMA | None = None
    """Of the generator's weights; None for a classifier."""

    def advance(self, number: int, progress: float) -> StepMetrics:
        """Takes the step of that number, which is at this share (0 to 1) of the training; updates lr and average.

        The loop, the experiments and the benchmarks all train by this function.
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


def network_shape(run: ResolvedRun, prepared: PreparedSet) -> Shape:
    """The shape that networks are built for: no classes where labels are off."""
    return Shape(prepared.channels, prepared.size, len(prepared.classes) if run.labels == "on" else 0)


def build_trainer(run: ResolvedRun, prepared: PreparedSet, engine: Engine) -> Trainer:
    """New networks with weights drawn from the run's seed, their optimisers and their step."""
    shape, sampler = network_shape(run, prepared), run.training.sampler
    assert sampler != "auto", "a resolved run leaves nothing open"
    batches = Batches(prepared, run.training.batch, run.seed, sampler, shape.classes > 0, engine.rank, engine.world)
    # Before the networks are built, since their constructors draw the first weights from torch's global generator.
    seed_weights(run.seed, run.pair.kind)
    if isinstance(run.pair, BookClassifier):
        return _classifier_trainer(run, engine.place(run.pair.build(shape)), batches, engine)
    built = run.pair.build(shape)
    pair = Pair(engine.place(built.generator), engine.place(built.discriminator))
    g_optimiser, d_optimiser = (build_optimiser(run.optimiser, each) for each in (pair.generator, pair.discriminator))
    optimisers = Optimisers(g_optimiser, d_optimiser)
    objective = run.objective
    assert not isinstance(objective, ClassifierObjective), "RunConfig lets no GAN classify"
    draw = input_drawer(run, objective, prepared, pair.generator.noise_size, batches, engine)
    modules = [*pair.generator.modules(), *pair.discriminator.modules()]
    has_dropout = any(isinstance(module, nn.Dropout | nn.Dropout2d) for module in modules)

    def step(number: int) -> StepMetrics:
        if has_dropout:
            seed_step(run.seed, number, engine.rank)
        if isinstance(objective, BookObjective):
            return book_step(pair, optimisers, engine, objective, draw(number))
        return gan_step(pair, optimisers, engine, objective, draw(number), number)

    return Trainer(
        {"generator": pair.generator, "discriminator": pair.discriminator},
        {"generator": g_optimiser, "discriminator": d_optimiser},
        step,
        run.training.batch,
        partial(learning_rate, run.optimiser),
        EMA(pair.generator, run.training.ema_halflife_images, run.training.ema_ramp),
    )


def _classifier_trainer(run: ResolvedRun, classifier: nn.Module, batches: Batches, engine: Engine) -> Trainer:
    objective, optimiser = run.objective, build_optimiser(run.optimiser, classifier)
    assert isinstance(objective, ClassifierObjective), "RunConfig gives a classifier this objective"

    def step(number: int) -> StepMetrics:
        batch = batches.at(number)
        assert batch.labels is not None
        images, labels = engine.move(batch.images), engine.move(batch.labels)
        return classifier_step(classifier, optimiser, engine, objective, images, labels)

    lr_at = partial(learning_rate, run.optimiser)
    return Trainer({"classifier": classifier}, {"classifier": optimiser}, step, run.training.batch, lr_at)


def input_drawer(
    run: ResolvedRun,
    objective: GanObjective | BookObjective,
    prepared: PreparedSet,
    noise_size: int,
    batches: Batches,
    engine: Engine,
) -> Callable[[int], StepInputs]:
    """A function from a step's number to its inputs.

    Every draw is made for the global batch, from (seed, purpose, step) alone, and then cut to this process's shard: so
    that any number of processes trains alike, and a resumed run needs no generator's state.
    """
    batch, has_labels = run.training.batch, batches.labels is not None
    fake_labels = FakeLabels(prepared, objective.fake_labels, run.seed) if has_labels else None

    def noise(purpose: str, step: int) -> Tensor:
        return engine.shard(torch.randn(batch, noise_size, generator=stream(run.seed, purpose, step)))

    def labels_of_fakes(purpose: str, step: int, real: Tensor | None) -> Tensor | None:
        if fake_labels is None or fake_labels.how == "paired":
            return real
        return engine.shard(fake_labels.draw(purpose, step, batch))

    def draw(step: int) -> StepInputs:
        real = batches.at(step)
        images = engine.move(real.images)
        labels = None if real.labels is None else engine.move(real.labels)
        first = noise("noise", step), labels_of_fakes("labels", step, labels)
        if isinstance(objective, BookObjective):  # its generator's update draws anew
            fresh = noise("noise again", step), labels_of_fakes("labels again", step, labels)
            return StepInputs(images, labels, *first, *fresh)
        shifts = None
        if objective.augment == "on":
            most = prepared.size // MAX_SHIFT_DIVISOR
            shifts = torch.randint(-most, most + 1, (batch, 3, 2), generator=stream(run.seed, "augment", step))
            shifts = engine.shard(shifts).transpose(0, 1)  # (N, 3, 2) -> (3, N, 2)
        return StepInputs(images, labels, *first, *first, shifts)

    return draw


def build_optimiser(config: OptimiserConfig, network: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of one network. Fused: one pass over the weights rather than one for each term of the formula."""
    parameters = list(network.parameters())
    if config.name == "sgd":
        return torch.optim.SGD(parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True)
    adam = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    betas = (config.beta1, config.beta2)
    return adam(parameters, lr=config.lr, betas=betas, weight_decay=config.weight_decay, fused=True)


def learning_rate(config: OptimiserConfig, progress: float) -> float:
    """The learning rate at a share (0 to 1) of the training: held, then linear to its final share."""
    if progress <= config.lr_hold or config.lr_hold == 1:
        return config.lr
    fallen = min(1.0, (progress - config.lr_hold) / (1 - config.lr_hold))
    return config.lr * (1 - fallen * (1 - config.lr_final))
