"""What a run leaves: weights, what they are, and a manifest of sha256. Nothing in it depends on time or place."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

import ganvas
from ganvas import console, files
from ganvas.config.run import NetworkConfig
from ganvas.errors import UserError, nearest
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.pair import Shape
from ganvas.runs import sealed, weights
from ganvas.runs.folder import STATE, RunFolder
from ganvas.runs.record import RunRecord
from ganvas.settings import Settings, parse

FORMAT = 2


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
    channels: Literal[1, 3]
    size: int = Field(ge=16, le=128)
    classes: tuple[str, ...]
    """The classes that may be asked for; none for a pair without labels."""
    pair: NetworkConfig

    @property
    def shape(self) -> Shape:
        """What the networks were built for."""
        return Shape(self.channels, self.size, len(self.classes))

    @property
    def is_classifier(self) -> bool:
        """Whether these weights tell classes apart rather than draw them."""
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


def write(folder: Path, info: BundleInfo, networks: dict[str, nn.Module]) -> None:
    """Writes a bundle whole or not at all."""
    contents = {f"{name}.safetensors": weights.to_bytes(network.state_dict()) for name, network in networks.items()}
    sealed.write(folder, {**contents, "run.json": files.to_json(info.model_dump(mode="json"))})


def read(folder: Path) -> Bundle:
    """A bundle, verified. UserError if it is damaged, cut or not a bundle."""
    try:
        names = sealed.verify(folder, ("run.json",))
        return _filled(read_bundle_info(files.read_json(folder / "run.json")), partial(_from_bundle, folder, names))
    except files.DamagedError as error:
        raise UserError(f"{folder} is damaged: {error}") from None


def open_run(path: Path) -> Bundle:
    """From a run's folder, or a bundle's own. UserError if it is neither."""
    if (path / sealed.MANIFEST).is_file():
        return read(path)
    run = RunFolder(path)
    if run.exists():
        return read_run(run)
    beside = [place.parent.name for place in path.parent.glob("*/run.json")] if path.parent.is_dir() else []
    raise UserError(f"{path} is not a run: {nearest(path.name, beside)}")


def read_run(run: RunFolder) -> Bundle:
    """The bundle of a run; of an unfinished one, what its newest whole checkpoint would give, and that is said.

    UserError if there is neither.
    """
    if run.bundle.is_dir():
        return read(run.bundle)
    found = next(_saved(run, reversed(run.checkpoints())), None)
    if found is None:
        raise UserError(f"{run.path} has neither a bundle nor a whole checkpoint yet; train it on")
    console.info(f"{run.path} is unfinished: from its checkpoint after {found.info.images} images")
    return found


def oldest_saved(run: RunFolder) -> Bundle | None:
    """What the oldest whole checkpoint of a run would give; None if there is none."""
    return next(_saved(run, run.checkpoints()), None)


def _saved(run: RunFolder, places: Iterable[Path]) -> Iterator[Bundle]:
    record = run.read()
    training = record.run.training
    for place in places:
        try:
            sealed.verify(place, (STATE,))
            info = bundle_info(record, int(place.name.removeprefix("step-")) * training.batch)
            averaged = not info.is_classifier and training.ema_halflife_images > 0
            yield _filled(info, partial(_from_checkpoint, place / STATE, averaged))
        except files.DamagedError as error:
            console.info(f"checkpoint {place.name} is damaged ({error}) and not used")


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
        pair=run.pair,
    )


def _from_bundle(folder: Path, names: frozenset[str], name: str, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    if (file := f"{name}.safetensors") not in names:
        raise files.DamagedError(f"{sealed.MANIFEST} does not name {file}")
    return weights.read(folder / file, wanted)


def _from_checkpoint(path: Path, averaged: bool, name: str, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    return weights.read(path, wanted, prefix="average/" if averaged and name == "generator" else f"{name}/")


def _filled(info: BundleInfo, tensors: Callable[[str, dict[str, Tensor]], dict[str, Tensor]]) -> Bundle:
    # Networks that take no memory: a info that lies about its sizes is found out by the weights' header.
    networks = info.networks(device="meta")
    for name, network in networks.items():
        network.load_state_dict(tensors(name, network.state_dict()), assign=True)
        network.eval().requires_grad_(False)
    return Bundle(info, networks)


def read_bundle_info(values: dict[str, Any]) -> BundleInfo:
    """From JSON. DamagedError if it describes no network, or one of another version of ganvas."""
    if values.get("format") != FORMAT:
        raise files.DamagedError(
            f"run.json has format {values.get('format')!r}; this version of ganvas reads format {FORMAT}"
        )
    try:
        return parse(BundleInfo, values, prefix="")
    except UserError as error:
        raise files.DamagedError(f"run.json does not describe a network of ours: {error}") from None
