"""Inside a run's discriminator: its kernels and maps for an image, one value as a sum, what it says and where it looks.

The image is a generated one, a held-out one of the set if that is prepared on this machine, or one that was drawn.
"""

import base64
import binascii
from collections import OrderedDict
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas.alpha import straighten
from ganvas.data.cache import find_prepared
from ganvas.data.label_names import PartialLabel
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.images import Pixels
from ganvas.networks.inspect import feature_maps, first_weight
from ganvas.networks.pair import Discriminator
from ganvas.networks.units import Term, opinion, ran, score_gradient, swap_quadrants, unit_sum
from ganvas.runs.bundle import Bundle
from ganvas.sampling import BATCH
from ganvas.studio.inside_views import (
    MOST_UNITS,
    ClassShare,
    DrawnImage,
    GeneratedImage,
    HeldOutImage,
    InsideRequest,
    InsideView,
    LayerMaps,
    LayerName,
    Planes,
    TermView,
    UnitRequest,
    UnitView,
    Verdict,
)
from ganvas.studio.refusals import NotFoundError
from ganvas.studio.samples import SampleQueue, bundle_of_weights, label_at, listed_labels

MOST_DISCRIMINATORS = 2
MOST_TERMS = 6


class LookedAt(NamedTuple):
    """What is looked at, and with what."""

    network: Discriminator
    bundle: Bundle
    whole: Pixels
    """(C, H, W)."""
    swapped: Pixels
    label: tuple[int, ...] | None
    position: int | None
    prepared: PreparedSet | None


class Insides:
    """Discriminators that are looked into. Everything here runs on the thread of the samples."""

    def __init__(self, samples: SampleQueue) -> None:
        self.samples = samples
        self._bundles: OrderedDict[str, Bundle] = OrderedDict()

    def view(self, asked: InsideRequest) -> InsideView:
        """Everything about an image but its single values."""
        subject = self._subject(asked)
        network, image = subject.network, subject.swapped
        both = opinion(network, np.stack([image, subject.whole]), subject.label)
        verdicts = [self._verdict(subject, both.logits[k], both.class_logits, k) for k in (0, 1)]
        maps = cast(dict[LayerName, NDArray[np.float64]], feature_maps(network, image, subject.label))
        return InsideView(
            size=subject.bundle.info.size,
            channels=len(image),
            pixels=encoded(straighten(image).transpose(1, 2, 0)),
            label=subject.position,
            held_out=0 if subject.prepared is None else len(subject.prepared.held_out),
            verdict=verdicts[0],
            whole=verdicts[1],
            looks=planes(score_gradient(network, image, subject.label)[None]),
            kernels=planes(first_kernels(network, image.shape)),
            layers=tuple(LayerMaps(name=name, maps=planes(values)) for name, values in maps.items()),
        )

    def unit(self, asked: UnitRequest) -> UnitView:
        """One value of one map. NotFoundError if the map has no such place."""
        subject = self._subject(asked)
        network, image = subject.network, subject.swapped
        maps = feature_maps(network, image, subject.label)
        if asked.layer not in maps:
            raise NotFoundError(f"its D has no layer {asked.layer}; it has {', '.join(maps) or 'none of convolutions'}")
        count, height, width = maps[asked.layer].shape
        if asked.unit >= count or asked.row >= height or asked.column >= width:
            raise NotFoundError(f"the layer {asked.layer} has {count} maps of {height} rows and {width} columns")
        layers = len(ran(network, torch.zeros(1, *image.shape), subject.label)[1])
        number = {"low": 0, "middle": layers // 2, "high": layers - 1}[asked.layer]
        found = unit_sum(network, image, subject.label, number, asked.unit, asked.row, asked.column)
        shown, others = found.terms[:MOST_TERMS], found.terms[MOST_TERMS:]
        return UnitView(
            value=found.value,
            bias=found.bias,
            terms=tuple(
                TermView(
                    channel=term.channel,
                    total=term.total,
                    inputs=short_numbers(term.inputs),
                    kernel=short_numbers(term.kernel),
                )
                for term in shown
            ),
            others=len(others),
            rest=sum(term.total for term in others),
            seen=found.seen,
        )

    def _subject(self, asked: InsideRequest) -> LookedAt:
        sampler = self.samples.sampler(asked.digest)
        bundle = self._bundle(asked.digest)
        network = bundle.networks.get("discriminator")
        if network is None:
            raise NotFoundError(f"{sampler.name} has no discriminator to look into: its bundle is a generator alone")
        if not all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters()):
            raise UserError(f"the weights of {sampler.name} are no longer finite numbers: it has diverged")
        prepared, image, position = find_prepared(bundle.info.fingerprint), asked.image, asked.label
        label: PartialLabel | None = None
        if isinstance(image, GeneratedImage):
            label = label_at(sampler, image.label)
            pixels = sampler.block(label, image.seed, image.index // BATCH)[image.index % BATCH]
            if label is not None:
                label = tuple(sampler.complete(label, image.index % BATCH + 1, image.seed)[-1].tolist())
            position = image.label if position is None else position
        elif isinstance(image, HeldOutImage):
            pixels, label = held_out_image(prepared, image.index, sampler.name)
            label = label if sampler.classes else None
        else:
            pixels = drawn_image(image, bundle.info.shape.image)
        if sampler.classes and (asked.label is not None or label is None):
            position = 0 if position is None else position
            label = label_at(sampler, position)
        elif label is not None and position is None:
            listed = listed_labels(sampler)
            position = listed.index(label) if label in listed else None
        elif asked.label is not None:
            label_at(sampler, asked.label)  # refused with what is allowed: it was trained without labels
        whole_label = None if label is None else tuple(0 if k is None else int(k) for k in label)
        swapped = swap_quadrants(pixels, asked.quadrants)
        return LookedAt(cast(Discriminator, network), bundle, pixels, swapped, whole_label, position, prepared)

    def _bundle(self, digest: str) -> Bundle:
        if digest not in self._bundles:
            self._bundles[digest] = bundle_of_weights(self.samples.find(digest))
        self._bundles.move_to_end(digest)
        while len(self._bundles) > MOST_DISCRIMINATORS:
            self._bundles.popitem(last=False)
        return self._bundles[digest]

    def _verdict(self, subject: LookedAt, score: torch.Tensor, logits: torch.Tensor | None, row: int) -> Verdict:
        names, shares = subject.bundle.info.classes, []
        if logits is not None:
            for part in torch.split(logits[row], list(subject.network.parts)):
                shares += torch.softmax(part.double(), 0).tolist()
        found = [ClassShare(name=name, share=share) for name, share in zip(names, shares, strict=False)]
        return Verdict(score=float(score), classes=tuple(found))


def held_out_image(prepared: PreparedSet | None, index: int, name: str) -> tuple[Pixels, PartialLabel | None]:
    """(C, H, W) and its label. NotFoundError where the set is not at hand, and beyond its last image."""
    if prepared is None:
        raise NotFoundError(f"the set of {name} is not prepared on this machine: `ganvas data` prepares it")
    if index >= len(prepared.held_out):
        raise NotFoundError(f"{prepared.name} has {len(prepared.held_out)} held-out images, the first of them number 0")
    row = int(prepared.held_out[index])
    label = None if prepared.labels is None else tuple(int(k) for k in prepared.label_values[row])
    return np.array(prepared.pixels[row]), label


def drawn_image(image: DrawnImage, shape: tuple[int, int, int]) -> Pixels:
    """(C, H, W) of the levels that were sent; opaque where images have alpha. UserError for another number of them."""
    channels, height, width = shape
    colours = min(channels, 3)
    try:
        levels = np.frombuffer(base64.b64decode(image.levels, validate=True), np.uint8)
    except (binascii.Error, ValueError):
        raise UserError("the image that was drawn is not in base64") from None
    if len(levels) != colours * height * width:
        wanted = f"{height} x {width} x {colours}"
        raise UserError(f"the image that was drawn has {len(levels)} values; this run takes {wanted}")
    pixels = levels.reshape(height, width, colours).transpose(2, 0, 1)
    opaque = np.full((channels - colours, height, width), 255, np.uint8)
    return np.ascontiguousarray(np.concatenate([pixels, opaque]))


def first_kernels(network: Discriminator, image: tuple[int, ...]) -> NDArray[np.float64]:
    """(O, h, w): the kernels of the first layer on the first channel; of a linear layer, its weights as images."""
    weight = first_weight(network)
    if weight.ndim == 2:
        weight = weight[:, : int(np.prod(image))].reshape(-1, *image)
    kernels: NDArray[np.float64] = weight[:, 0]
    return kernels


def planes(values: NDArray[np.float64]) -> Planes:
    """(N, H, W) as bytes, of the first ones."""
    shown = values[:MOST_UNITS]
    most = float(np.abs(shown).max(initial=0))
    levels = np.rint(128 + 127 * shown / (most or 1)).astype(np.uint8)
    _, height, width = shown.shape
    return Planes(shown=len(shown), of=len(values), height=height, width=width, most=most, levels=encoded(levels))


def encoded(values: NDArray[np.uint8]) -> str:
    """Base64 of the bytes."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def term_view(term: Term) -> TermView:
    """A term as it is sent."""
    inputs, kernel = short_numbers(term.inputs), short_numbers(term.kernel)
    return TermView(channel=term.channel, total=term.total, inputs=inputs, kernel=kernel)


def short_numbers(values: NDArray[Any]) -> tuple[tuple[float, ...], ...]:
    """A matrix as numbers of five digits."""
    return tuple(tuple(float(f"{value:.5g}") for value in row) for row in values)
