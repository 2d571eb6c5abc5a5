"""The result of a run: weights, what they are, and a manifest of sha256. Nothing in it depends on time or path."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn

import ganvas
from ganvas import console, files
from ganvas.config.run import NetworkConfig, RunConfig
from ganvas.data.labels import LabelSpace, single_part
from ganvas.errors import UserError, nearest
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.pair import Shape
from ganvas.runs import sealed, weights
from ganvas.runs.folder import STATE, RunFolder
from ganvas.runs.record import RunRecord
from ganvas.settings import Settings, parse
from ganvas.sizes import TrainableSize

FORMAT = 2
PUBLISHED = ("config.json", "generator.safetensors")
"""What a folder for the Hub holds of a bundle: what is `run.json` here, and the generator alone."""


class BundleInfo(Settings):
    """What the weights are: enough to build the networks again and to say where they came from."""

    format: Literal[2] = 2
    ganvas: str = ganvas.__version__
    recipe: str
    source: str
    """The source's name, never its path."""
    fingerprint: str
    """Of the prepared set trained on."""
    seed: int
    images: int
    """Images seen."""
    channels: Literal[1, 3, 4]
    size: TrainableSize
    classes: tuple[str, ...]
    """The classes that may be asked for, those of several parts of a label side by side; none for a pair without
    labels."""
    labels: LabelSpace | None = None
    """The parts of a label that has several, and how often training images have their combinations."""
    pair: NetworkConfig

    @property
    def shape(self) -> Shape:
        """What the networks were built for."""
        parts = self.label_space.sizes if self.label_space else ()
        return Shape(self.channels, self.size, len(self.classes), parts)

    @cached_property
    def label_space(self) -> LabelSpace | None:
        """The parts of a label and their classes, of one part too; None for a pair without labels."""
        if not self.classes:
            return None
        return self.labels or single_part(self.classes, [1] * len(self.classes))

    @model_validator(mode="after")
    def _classes_are_those_of_the_parts(self) -> Self:
        if self.labels is not None and self.labels.classes != self.classes:
            raise ValueError("classes are not those of the parts of the labels")
        return self

    def settle(self, run: RunConfig) -> RunConfig:
        """The run with what its pair leaves open as in this pair, if it is of the same kind, so that weights fit."""
        if run.pair.kind != self.pair.kind:
            return run
        known = {name: getattr(self.pair, name) for name, value in run.pair if value == "auto"}
        return run.model_copy(update={"pair": run.pair.model_copy(update=known)})

    @property
    def is_classifier(self) -> bool:
        """Whether these are the weights of a classifier."""
        return isinstance(self.pair, BookClassifier)

    def networks(self, device: str = "cpu") -> dict[str, nn.Module]:
        """New networks by name, with arbitrary weights."""
        with torch.device(device):
            built = self.pair.build(self.shape)
        if isinstance(built, nn.Module):
            return {"classifier": built}
        return {"generator": built.generator, "discriminator": built.discriminator}


@dataclass(frozen=True)
class Bundle:
    """Networks in eval mode, and what they are."""

    info: BundleInfo
    networks: dict[str, nn.Module]


def bundle_info(record: RunRecord, images: int) -> BundleInfo:
    """What the weights of a run are after so many images."""
    data, run = record.data, record.run
    return BundleInfo(
        recipe=run.recipe,
        source=data.name,
        fingerprint=data.fingerprint,
        seed=run.seed,
        images=images,
        channels=data.channels,
        size=data.size,
        classes=data.classes if run.labels == "on" else (),
        labels=data.labels if run.labels == "on" else None,
        pair=run.pair,
    )


def write_bundle(folder: Path, info: BundleInfo, networks: dict[str, nn.Module]) -> None:
    """Writes a bundle whole or not at all."""
    contents = {f"{name}.safetensors": weights.to_bytes(network.state_dict()) for name, network in networks.items()}
    # Left out where it says nothing, so that earlier versions of ganvas read such bundles too.
    values = info.model_dump(mode="json", exclude={"labels"} if info.labels is None else None)
    sealed.write_sealed(folder, {**contents, "run.json": files.to_json(values)})


def read_bundle(folder: Path) -> Bundle:
    """A bundle, verified. UserError if it is damaged, cut or not a bundle.

    Of a folder for the Hub, its generator; other files there, such as a card that was edited, do not matter.
    """
    is_published = (folder / PUBLISHED[0]).is_file() and not (folder / "run.json").is_file()
    info_name = PUBLISHED[0] if is_published else "run.json"

    def read_weights(name: str, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
        if (file := f"{name}.safetensors") not in names:
            raise files.DamagedError(f"{sealed.MANIFEST} does not name {file}")
        return weights.read_tensors(folder / file, wanted)

    try:
        needed = PUBLISHED if is_published else (info_name,)
        names = sealed.verify_sealed(folder, needed, others=not is_published)
        values = files.read_json(folder / info_name)
        if values.get("format") != FORMAT:
            raise UserError(
                f"{folder / info_name} has format {values.get('format')!r}; this version of ganvas reads format "
                f"{FORMAT}. Train it again, or use the version that wrote it"
            )
        try:
            info = parse(BundleInfo, values, prefix="")
        except UserError as error:
            raise files.DamagedError(f"{info_name} does not describe a network of ours: {error}") from None
        return _load(info, read_weights, ("generator",) if is_published else None)
    except files.DamagedError as error:
        raise UserError(f"{folder} is damaged: {error}") from None


def open_run(path: Path) -> Bundle:
    """The bundle of a run's folder, or in a bundle's own folder. UserError if it is neither.

    Of an unfinished run, what its newest whole checkpoint would give, with a message; UserError if there is none.
    """
    if (path / sealed.MANIFEST).is_file():
        return read_bundle(path)
    run = RunFolder(path)
    if not run.exists():
        beside = [record.parent.name for record in path.parent.glob("*/run.json")] if path.parent.is_dir() else []
        raise UserError(f"{path} is not a run: {nearest(path.name, beside)}")
    if run.bundle.is_dir():
        return read_bundle(run.bundle)
    bundle = next(from_checkpoints(run, reversed(run.checkpoints())), None)
    if bundle is None:
        raise UserError(f"{path} has neither a bundle nor a whole checkpoint yet; train it on")
    console.info(f"{path} is unfinished: from its checkpoint after {bundle.info.images} images")
    return bundle


def from_checkpoints(run: RunFolder, paths: Iterable[Path]) -> Iterator[Bundle]:
    """What each of these checkpoints of a run would give as a bundle. A damaged one gets a message instead."""
    record = run.read()
    for path in paths:
        try:
            yield _from_checkpoint(record, path)
        except files.DamagedError as error:
            console.info(f"checkpoint {path.name} is damaged ({error}) and not used")


def _from_checkpoint(record: RunRecord, path: Path) -> Bundle:
    sealed.verify_sealed(path, (STATE,))
    training = record.run.training
    info = bundle_info(record, int(path.name.removeprefix("step-")) * training.batch)
    is_averaged = not info.is_classifier and training.ema_halflife_images > 0
    prefixes = {"generator": "average/"} if is_averaged else {}
    return _load(info, lambda name, wanted: weights.read_tensors(path / STATE, wanted, prefixes.get(name, f"{name}/")))


def _load(
    info: BundleInfo,
    read_weights: Callable[[str, dict[str, Tensor]], dict[str, Tensor]],
    names: Collection[str] | None = None,
) -> Bundle:
    # Networks that take no memory: an info that lies about its sizes does not fit the header of its weights.
    networks = {
        name: network for name, network in info.networks(device="meta").items() if names is None or name in names
    }
    for name, network in networks.items():
        network.load_state_dict(read_weights(name, network.state_dict()), assign=True)
        network.eval().requires_grad_(False)
    return Bundle(info, networks)
