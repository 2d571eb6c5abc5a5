"""What a run leaves: weights, what they are, and a manifest of sha256. Nothing in it depends on time or place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

import ganvas
from ganvas.errors import UserError
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.pair import Shape
from ganvas.runs import sealed, weights
from ganvas.runs.spec import Network
from ganvas.settings import Settings, parse

FORMAT = 1


class Card(Settings):
    """What the weights are: enough to build the networks again and to say where they came from."""

    format: Literal[1] = 1
    ganvas: str = ganvas.__version__
    recipe: str
    source: str
    """The source's name, never its path."""
    fingerprint: str
    """Of the prepared set trained on."""
    seed: int
    images: int
    """Pictures seen."""
    channels: Literal[1, 3]
    size: int = Field(ge=16, le=128)
    classes: tuple[str, ...]
    """The classes that may be asked for; none for a pair without labels."""
    pair: Network

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

    card: Card
    networks: dict[str, nn.Module]


def write(folder: Path, card: Card, networks: dict[str, nn.Module]) -> None:
    """Writes a bundle whole or not at all."""
    files = {f"{name}.safetensors": weights.to_bytes(network.state_dict()) for name, network in networks.items()}
    sealed.write(folder, {**files, "run.json": sealed.to_json(card.model_dump(mode="json"))})


def read(folder: Path) -> Bundle:
    """A bundle, verified. UserError if it is damaged, cut or not a bundle."""
    try:
        sealed.verify(folder)
        card = read_card(sealed.read_json(folder / "run.json"))
        # Networks that take no memory: a card that lies about its sizes is found out by the weights' header.
        networks = card.networks(device="meta")
        for name, network in networks.items():
            tensors = weights.read(folder / f"{name}.safetensors", network.state_dict())
            network.load_state_dict(tensors, assign=True)
    except sealed.DamagedError as error:
        raise UserError(f"{folder} is damaged: {error}") from None
    return Bundle(card, {name: network.eval().requires_grad_(False) for name, network in networks.items()})


def read_card(values: dict[str, Any]) -> Card:
    """A card from JSON. DamagedError if it is none."""
    try:
        return parse(Card, values, prefix="")
    except UserError as error:
        raise sealed.DamagedError(f"run.json does not describe a network of ours: {error}") from None
