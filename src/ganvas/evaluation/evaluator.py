"""The evaluator of a set: a classifier fitted to its training images, calibrated on held-out ones, and cached."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from ganvas import console, files, machine
from ganvas.console import progress
from ganvas.data.cache import SET_CACHE, cache_folder, refuse_read_only, slug
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation.fit import fit_classifier, fit_images, weights_digest
from ganvas.evaluation.predict import Logits, in_batches, predict
from ganvas.images import Pixels
from ganvas.networks.evaluator import EvaluatorConfig, EvaluatorNetwork
from ganvas.networks.pair import Shape
from ganvas.runs import sealed, weights
from ganvas.settings import Settings, parse
from ganvas.sizes import StoredSize

VERSION = 2
"""Version of the fit: a cached evaluator of another version is not used."""
MIN_IMAGES_TO_CALIBRATE = 20
WEIGHTS, INFO = "evaluator.safetensors", "evaluator.json"


class EvaluatorInfo(Settings):
    """The file beside an evaluator's weights: what it was fitted to, and its calibration."""

    version: int = VERSION
    fingerprint: str
    """Of its prepared set."""
    channels: int
    size: StoredSize
    classes: tuple[str, ...]
    parts: tuple[int, ...] = ()
    """The number of classes of each part of a label, where it has several."""
    network: EvaluatorConfig = EvaluatorConfig()
    images_shown: int
    """In all epochs of the fit together."""
    temperature: float = Field(gt=0)
    calibration_error: float | None
    """On the held-out images that did not choose the temperature; None where there are too few to calibrate."""


class Embedding(NamedTuple):
    """What an evaluator computes from N images."""

    features: NDArray[np.float32]
    """(N, F), of the last layer before the class logits."""
    logits: Logits
    """(N, K), those of the parts of a label side by side."""


@dataclass(frozen=True)
class Evaluator:
    """A fitted classifier and its calibration."""

    network: EvaluatorNetwork
    info: EvaluatorInfo

    @property
    def parts(self) -> tuple[int, ...]:
        """The number of classes of each part of a label, of one part too."""
        return self.info.parts or (len(self.info.classes),)

    @property
    def digest(self) -> str:
        """Eight hex digits of its weights."""
        return weights_digest(self.network)[:8]

    def embed(self, pixels: Pixels, batch: int = 500) -> Embedding:
        """Features and logits of images (N, C, H, W) uint8, which may be a memory map."""

        def forward(images: Tensor) -> Tensor:  # (N, C, H, W) -> (N, F + K)
            features = self.network.features(images.contiguous(memory_format=torch.channels_last))
            return torch.cat([features, self.network.class_head(features)], dim=1)

        both = in_batches(forward, pixels, next(self.network.parameters()).device, batch)
        features, logits = np.split(both, [self.info.network.features], axis=1)
        return Embedding(np.ascontiguousarray(features), np.ascontiguousarray(logits))


def refuse_no_held_out(prepared: PreparedSet) -> None:
    """UserError for a set without held-out images."""
    if not len(prepared.held_out):
        raise UserError(
            f"{prepared.name} gives no held-out images, and every score needs them; a class needs at least 10 images"
        )


def evaluator_for(prepared: PreparedSet) -> Evaluator:
    """The evaluator of a set, from the cache, or fitted now. UserError for a set without classes or held-out images."""
    if len(prepared.classes) < 2:
        raise UserError(
            f"{prepared.name} has {'one class' if prepared.classes else 'no labels'}, and an evaluator learns to tell "
            "classes apart: choose --features imagenet"
        )
    refuse_no_held_out(prepared)
    folder = evaluator_folder(prepared)
    if folder.is_dir():
        try:
            return _read(folder, prepared)
        except files.DamagedError as error:
            console.info(f"the evaluator in {folder} is damaged ({error}): fitting it again")
    refuse_read_only(folder)
    evaluator = _fit(prepared)
    info = files.to_json(evaluator.info.model_dump(mode="json"))
    try:
        sealed.write_sealed(folder, {WEIGHTS: weights.to_bytes(evaluator.network.state_dict()), INFO: info})
    except OSError as error:
        raise UserError(
            f"the evaluator cannot be kept in {folder}: {error.strerror or error}; make room, or {SET_CACHE}"
        ) from None
    return evaluator


def evaluator_folder(prepared: PreparedSet) -> Path:
    """The folder of a set's evaluator in the cache."""
    return cache_folder() / "evaluators" / f"{slug(prepared.name)}-{prepared.fingerprint[:16]}-v{VERSION}"


def split_in_halves(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of (N,) labels in two halves, each with every other image of a class."""
    order = np.argsort(labels, kind="stable")
    return np.sort(order[::2]), np.sort(order[1::2])


def rows_learned(prepared: PreparedSet) -> NDArray[np.int64]:
    """Rows of the prepared set that its evaluator learns from: the training images, and every other image of each
    combination of classes that `--hold-out-combinations` keeps from training.

    No generator sees those. An evaluator that had not seen them either could not say whether generated images show
    them: a classifier of one part leans on the other ones. The other half gives its accuracy on real images of them.
    """
    hidden = np.setdiff1d(prepared.unseen, prepared.held_out)
    if not len(hidden):
        return np.asarray(prepared.train)
    assert prepared.labels is not None
    return np.union1d(prepared.train, hidden[split_in_halves(np.asarray(prepared.labels[hidden]))[0]])


def _fit(prepared: PreparedSet) -> Evaluator:
    assert prepared.labels is not None
    values, train, held_out = prepared.label_values, rows_learned(prepared), np.asarray(prepared.held_out)
    images_shown, parts = fit_images(len(train), prepared.size.side), prepared.label_space.sizes
    with progress.bar(f"fitting an evaluator of {prepared.name}", images_shown, "images") as bar:
        network = fit_classifier(prepared.pixels, values, parts, images_shown, advance=bar.advance, rows=train)
    best_temperature, error = 1.0, None
    if len(held_out) >= MIN_IMAGES_TO_CALIBRATE:
        logits, shown = predict(network, prepared.pixels[held_out]), values[held_out]
        # One half chooses the temperature and the other measures the error, which would be too low on the first half.
        fitted, tested = split_in_halves(np.asarray(prepared.labels[held_out]))
        best_temperature = temperature(logits[fitted], shown[fitted], parts)
        error = calibration_error(probabilities(logits[tested], best_temperature, parts), shown[tested], parts)
    info = EvaluatorInfo(
        fingerprint=prepared.fingerprint,
        channels=prepared.channels,
        size=prepared.size,
        classes=prepared.classes,
        parts=() if prepared.label_space.is_single else parts,
        images_shown=images_shown,
        temperature=best_temperature,
        calibration_error=error,
    )
    return Evaluator(network, info)


def _read(folder: Path, prepared: PreparedSet) -> Evaluator:
    sealed.verify_sealed(folder, (WEIGHTS, INFO))
    try:
        info = parse(EvaluatorInfo, files.read_json(folder / INFO), prefix="")
    except UserError as error:
        raise files.DamagedError(f"{INFO}: {error}") from None
    expected = (prepared.fingerprint, prepared.channels, prepared.size, prepared.classes, prepared.label_space.sizes)
    parts = info.parts or (len(info.classes),)
    if (info.fingerprint, info.channels, info.size, info.classes, parts) != expected:
        raise files.DamagedError(f"{INFO} describes another set")
    with torch.device("meta"):
        network = info.network.build(Shape(info.channels, info.size, sum(parts), parts))
    network.load_state_dict(weights.read_tensors(folder / WEIGHTS, network.state_dict()), assign=True)
    network.to(machine.device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Evaluator(network.eval().requires_grad_(False), info)


def temperature(logits: Logits, labels: NDArray[np.int64], parts: tuple[int, ...] = ()) -> float:
    """The T for which softmax(logits / T) is most likely: logits (N, K), labels (N,), or (N, P) with the classes of P
    parts, whose likelihoods are multiplied.

    Guo et al. 2017 (arXiv 1706.04599). The likelihood is convex in 1 / T, so a golden-section search finds its maximum.
    """
    columns = zip(by_parts(logits, parts), labels.reshape(len(labels), -1).T, strict=True)
    known = [(torch.from_numpy(part[k >= 0]).double(), torch.from_numpy(k[k >= 0])) for part, k in columns]
    low, high = 1 / 20, 1 / 0.05  # of 1 / T
    ratio = (5**0.5 - 1) / 2

    def loss(inverse: float) -> float:
        return sum(float(F.cross_entropy(values * inverse, targets)) for values, targets in known if len(targets))

    for _ in range(60):
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        if loss(first) <= loss(second):
            high = second
        else:
            low = first
    return 2 / (low + high)


def by_parts(scores: NDArray[Any], parts: tuple[int, ...] = ()) -> list[NDArray[Any]]:
    """(N, K) logits or probabilities -> (N, K_p) of each part; all are of one part where no parts are given."""
    return np.split(scores, np.cumsum(parts or (scores.shape[1],))[:-1], axis=1)


def probabilities(logits: Logits, temperature: float = 1.0, parts: tuple[int, ...] = ()) -> NDArray[np.float64]:
    """(N, K) logits -> (N, K), each row summing to 1 over the classes of each part."""
    each = [torch.softmax(torch.from_numpy(part).double() / temperature, dim=1) for part in by_parts(logits, parts)]
    return np.asarray(torch.cat(each, dim=1).numpy())


def predicted_classes(scores: NDArray[Any], parts: tuple[int, ...] = ()) -> NDArray[np.int64]:
    """(N, K) probabilities or logits -> (N, P): the most likely class of each part."""
    return np.stack([part.argmax(1) for part in by_parts(scores, parts)], axis=1)


def calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], parts: tuple[int, ...] = (), bins: int = 15
) -> float:
    """The expected calibration error of (N, K): the mean gap between confidence and accuracy, over bins of confidence.

    Naeini, Cooper & Hauskrecht 2015. The bins are equally wide, and each counts by how many images are in it. labels:
    (N,), or (N, P) with the classes of P parts; every part of a label that is known counts as an image.
    """
    labels = labels.reshape(len(labels), -1)
    known = labels >= 0
    confidence = np.stack([part.max(axis=1) for part in by_parts(probabilities, parts)], axis=1)[known]
    correct = (predicted_classes(probabilities, parts) == labels)[known]
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    # |mean confidence - accuracy| of a bin times its share of the images is |sum of the differences| / N.
    gaps = np.bincount(bin_of, confidence - correct, bins)
    return float(np.abs(gaps).sum() / len(confidence))
