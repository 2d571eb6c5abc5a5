"""A run's networks, optimisers and step: what the loop repeats and a checkpoint holds."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ganvas.config.run import OptimiserConfig, ResolvedRun
from ganvas.data.batches import Batches
from ganvas.data.prepared import PreparedSet
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.layers import HalfResolution
from ganvas.networks.modern import Modern, ModernDiscriminator, ModernGenerator
from ganvas.networks.pair import Pair, Shape
from ganvas.objectives.config import BookObjective, ClassifierObjective, GanObjective
from ganvas.rng import seed_step, seed_weights
from ganvas.training.capture import CapturedSteps, CudaRecorder, Play
from ganvas.training.ema import EMA
from ganvas.training.engine import Engine
from ganvas.training.inputs import Draws, Inputs, drawer, step_inputs
from ganvas.training.step import Optimisers, StepMetrics, book_step, classifier_step, gan_step, step_kind


@dataclass(frozen=True)
class Trainer:
    """The networks, the optimisers, and the step that changes them."""

    networks: dict[str, nn.Module]
    """By name: generator and discriminator, or classifier."""
    optimisers: dict[str, torch.optim.Optimizer]
    """By the network's name."""
    step: Callable[[int, float], StepMetrics]
    """Takes the step of that number, at a share (0 to 1) of the training: draws its inputs, and updates the weights."""
    batch: int
    """Images a step, over all processes."""
    lr_at: Callable[[float], float]
    """The learning rate at a share, 0 to 1, of the training."""
    beta2_at: Callable[[float], float] | None = None
    """Adam's decay of the mean square at a share of the training, where it changes."""
    ema: EMA | None = None
    """Of the generator's weights; None for a classifier."""
    grow_at: float = 0.0
    """The share (0 to 1) of the training at which networks at half the resolution grow."""

    def advance(self, number: int, progress: float) -> StepMetrics:
        """Takes the step of that number, which is at this share (0 to 1) of the training; updates lr and average.

        The loop, the experiments and the benchmarks all train by this function.
        """
        for optimiser in self.optimisers.values():
            set_learning_rate(optimiser, self.lr_at(progress))
            if self.beta2_at:
                group = optimiser.param_groups[0]
                group["betas"] = group["betas"][0], self.beta2_at(progress)
        if progress >= self.grow_at:
            for network in [*self.networks.values(), *([self.ema.network] if self.ema else [])]:
                if isinstance(network, ModernGenerator | ModernDiscriminator):
                    network.grow()  # once: nothing to do after the first time
        metrics = self.step(number, progress)
        if self.ema:
            self.ema.update(self.batch, (number + 1) * self.batch)
        return metrics

    def bundle_networks(self) -> dict[str, nn.Module]:
        """The networks that a bundle holds: the averaged generator and the discriminator, or the classifier."""
        return {**self.networks, "generator": self.ema.network} if self.ema else self.networks


def network_shape(run: ResolvedRun, prepared: PreparedSet) -> Shape:
    """The shape that networks are built for: no classes where labels are off."""
    if run.labels == "off":
        return Shape(prepared.channels, prepared.size)
    return Shape(prepared.channels, prepared.size, len(prepared.classes), prepared.label_space.sizes)


def build_trainer(run: ResolvedRun, prepared: PreparedSet, engine: Engine) -> Trainer:
    """New networks with weights drawn from the run's seed, their optimisers and their step."""
    shape, sampler = network_shape(run, prepared), run.training.sampler
    assert sampler != "auto", "a resolved run leaves nothing open"
    batches = Batches(prepared, run.training.batch, run.seed, sampler, shape.classes > 0, engine.rank, engine.world)
    # Before the networks are built, since their constructors draw the first weights from torch's global generator.
    seed_weights(run.seed, run.pair.kind)
    if isinstance(run.pair, BookClassifier):
        return _classifier_trainer(run, prepared, engine.place(run.pair.build(shape)), batches, engine)
    built = run.pair.build(shape)
    pair = Pair(engine.place(built.generator), engine.place(built.discriminator))
    g_optimiser, d_optimiser = (
        build_optimiser(run.optimiser, each, engine.captures_steps) for each in (pair.generator, pair.discriminator)
    )
    optimisers = Optimisers(g_optimiser, d_optimiser)
    objective = run.objective
    assert not isinstance(objective, ClassifierObjective), "RunConfig lets no GAN classify"
    draw = drawer(run, objective, prepared, pair.generator.noise_size, batches, engine)
    networks: dict[str, nn.Module] = {"generator": pair.generator, "discriminator": pair.discriminator}

    def play(draws: Draws, number: int) -> StepMetrics:
        inputs = step_inputs(draws)
        if isinstance(objective, BookObjective):
            return book_step(pair, optimisers, engine, objective, inputs)
        return gan_step(pair, optimisers, engine, objective, inputs, number)

    return Trainer(
        networks,
        {"generator": g_optimiser, "discriminator": d_optimiser},
        taker(run, networks, play, Inputs(draw, prepared, engine), engine),
        run.training.batch,
        partial(learning_rate, run.optimiser),
        beta2_schedule(run.optimiser),
        EMA(pair.generator, run.training.ema_halflife_images, run.training.ema_ramp),
        float(run.pair.half_resolution) if isinstance(run.pair, Modern) and run.pair.is_halved() else 0.0,
    )


def _classifier_trainer(
    run: ResolvedRun, prepared: PreparedSet, classifier: nn.Module, batches: Batches, engine: Engine
) -> Trainer:
    objective = run.objective
    assert isinstance(objective, ClassifierObjective), "RunConfig gives a classifier this objective"
    optimiser = build_optimiser(run.optimiser, classifier, engine.captures_steps)
    networks, inputs = (
        {"classifier": classifier},
        Inputs(drawer(run, objective, prepared, 0, batches, engine), prepared, engine),
    )

    def play(draws: Draws, number: int) -> StepMetrics:
        return classifier_step(classifier, optimiser, engine, objective, draws["real"], draws["labels"])

    step, lr_at = taker(run, networks, play, inputs, engine), partial(learning_rate, run.optimiser)
    beta2_at = beta2_schedule(run.optimiser)
    return Trainer(networks, {"classifier": optimiser}, step, run.training.batch, lr_at, beta2_at)


def taker(
    run: ResolvedRun, networks: dict[str, nn.Module], play: Play, inputs: Inputs, engine: Engine
) -> Callable[[int, float], StepMetrics]:
    """A function that takes a step: draws its inputs and plays it, as a CUDA graph where that can be."""
    modules = [module for network in networks.values() for module in network.modules()]
    has_dropout = any(isinstance(module, nn.Dropout | nn.Dropout2d) for module in modules)
    falls = isinstance(run.objective, GanObjective) and run.objective.final_penalty_share() < 1
    if engine.captures_steps and not has_dropout and run.optimiser.beta2_final is None:  # a graph holds one β2

        def kind_of(number: int) -> tuple[bool, ...]:
            halves = (module.in_use for module in modules if isinstance(module, HalfResolution))
            return *step_kind(run.objective, number), *halves

        play = CapturedSteps(play, kind_of, list(networks.values()), CudaRecorder())

    def step(number: int, progress: float) -> StepMetrics:
        if has_dropout:  # a graph would repeat the masks that it was recorded with
            seed_step(run.seed, number, engine.rank)
        draws = inputs.at(number)
        if falls:
            assert isinstance(run.objective, GanObjective)
            share = half_cosine(1.0, run.objective.final_penalty_share(), progress)
            draws["penalty_share"] = engine.move(torch.tensor(share))
        return play(draws, number)

    return step


def half_cosine(first: float, last: float, progress: float) -> float:
    """From `first` to `last` as progress goes from 0 to 1, slowly at either end."""
    return last + (first - last) * (1 + math.cos(math.pi * progress)) / 2


def beta2_schedule(config: OptimiserConfig) -> Callable[[float], float] | None:
    """Adam's decay of the mean square at a share of the training; None where it stays, or the optimiser has none."""
    if config.beta2_final is None or config.name == "sgd":
        return None
    return partial(half_cosine, config.beta2, config.beta2_final)


def build_optimiser(config: OptimiserConfig, network: nn.Module, captured: bool = False) -> torch.optim.Optimizer:
    """The optimiser of one network. Fused: one pass over the weights rather than one for each term of the formula.

    captured: its steps are recorded as CUDA graphs, which read the learning rate from the GPU's memory.
    """
    parameters = list(network.parameters())
    lr: float | Tensor = learning_rate(config, 0)
    if captured:
        lr = torch.tensor(lr, device=parameters[0].device)
    if config.name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, weight_decay=config.weight_decay, fused=True)
    adam = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    betas = (config.beta1, config.beta2)
    return adam(parameters, lr=lr, betas=betas, weight_decay=config.weight_decay, fused=True, capturable=captured)


def set_learning_rate(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Sets the learning rate of the next step."""
    group = optimiser.param_groups[0]
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(lr)
    else:
        group["lr"] = lr


def learning_rate(config: OptimiserConfig, progress: float) -> float:
    """The learning rate at a share (0 to 1) of the training: held, then linear to its final share."""
    assert config.lr != "auto", "a resolved run leaves nothing open"
    if progress <= config.lr_hold or config.lr_hold == 1:
        return config.lr
    fallen = min(1.0, (progress - config.lr_hold) / (1 - config.lr_hold))
    return config.lr * (1 - fallen * (1 - config.lr_final))
