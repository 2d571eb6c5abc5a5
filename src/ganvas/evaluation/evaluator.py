"""The evaluator of a set: fitted to its training images once, calibrated on held-out ones, kept in the cache."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from ganvas import console, files
from ganvas.console import progress
from ganvas.data.cache import cache_folder, slug
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation.calibration import calibration_error, probabilities, temperature
from ganvas.evaluation.fit import fit_classifier, fit_images, weights_digest
from ganvas.evaluation.predict import Logits, predict
from ganvas.images import Pixels, from_uint8
from ganvas.networks.evaluator import EvaluatorConfig, EvaluatorNetwork
from ganvas.networks.pair import Shape
from ganvas.runs import sealed, weights
from ganvas.settings import Settings, parse

VERSION = 1
"""Of how an evaluator is fitted. Judges of another version are made anew."""
MIN_IMAGES_TO_CALIBRATE = 20


class EvaluatorInfo(Settings):
    """What is known of an evaluator."""

    version: int = VERSION
    fingerprint: str
    """Of the prepared set that it was fitted to."""
    channels: int
    size: int
    classes: tuple[str, ...]
    network: EvaluatorConfig = EvaluatorConfig()
    shown: int
    """Images shown while it was fitted."""
    temperature: float = Field(gt=0)
    calibration_error: float | None
    """On the held-out images that did not choose the temperature; None where they are too few to do either."""


class Embedding(NamedTuple):
    """What an evaluator makes of N images."""

    features: NDArray[np.float32]
    """(N, F): the last layer before the classes."""
    logits: Logits
    """(N, K)."""


@dataclass(frozen=True)
class Evaluator:
    """An evaluator that can be asked."""

    network: EvaluatorNetwork
    info: EvaluatorInfo

    @property
    def digest(self) -> str:
        """Eight hex digits: evaluators with the same ones say the same."""
        return weights_digest(self.network)[:8]

    def embed(self, pixels: Pixels, batch: int = 500) -> Embedding:
        """Features and logits of images (N, C, H, W) uint8, which may be a memory map."""
        place = next(self.network.parameters()).device
        features, logits = [], []
        with torch.inference_mode():
            for start in range(0, len(pixels), batch):
                images = from_uint8(torch.from_numpy(np.array(pixels[start : start + batch])).to(place))
                found = self.network.features(images.contiguous(memory_format=torch.channels_last))
                features.append(found.cpu().numpy())
                logits.append(self.network.class_head(found).float().cpu().numpy())
        return Embedding(np.concatenate(features), np.concatenate(logits))

    def probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """(N, K) calibrated probabilities."""
        return probabilities(logits, self.info.temperature)


def evaluator_for(prepared: PreparedSet) -> Evaluator:
    """The evaluator of a set, from the cache or fitted now. UserError for a set that cannot have one."""
    if not prepared.classes:
        raise UserError(f"{prepared.name} has no labels, and an evaluator learns labels; choose --features imagenet")
    if len(prepared.classes) == 1:
        raise UserError(
            f"{prepared.name} has one class, and an evaluator tells classes apart; choose --features imagenet"
        )
    if not len(prepared.held_out):
        raise UserError(
            f"{prepared.name} gives no held-out images, without which nothing can be measured; "
            "at least 10 of a class are needed"
        )
    folder = evaluator_folder(prepared)
    if folder.is_dir():
        try:
            return _read(folder, prepared)
        except files.DamagedError as error:
            console.info(f"the evaluator in {folder} is damaged ({error}): fitting another")
    judge = _fitted(prepared)
    _write(folder, judge)
    return judge


def evaluator_folder(prepared: PreparedSet) -> Path:
    """Where the evaluator of a set lies."""
    return cache_folder() / "evaluators" / f"{slug(prepared.name)}-{prepared.fingerprint[:16]}-v{VERSION}"


def split_in_halves(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of (N,) labels in two halves, each with every other image of a class."""
    order = np.argsort(labels, kind="stable")
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels))
    return np.flatnonzero(place % 2 == 0), np.flatnonzero(place % 2 == 1)


def _fitted(prepared: PreparedSet) -> Evaluator:
    assert prepared.labels is not None
    rows = np.asarray(prepared.train)
    shown = fit_images(len(rows), prepared.size)
    every = np.asarray(prepared.labels)
    with progress.bar(f"fitting an evaluator of {prepared.name}", shown, "images") as bar:
        network = fit_classifier(prepared.pixels, every, len(prepared.classes), shown, advance=bar.advance, rows=rows)
    held = np.asarray(prepared.held_out)
    logits, labels = predict(network, prepared.pixels[held]), every[held]
    heat, error = 1.0, None
    if len(held) >= MIN_IMAGES_TO_CALIBRATE:
        chooses, reports = split_in_halves(labels)
        heat = temperature(logits[chooses], labels[chooses])
        error = calibration_error(probabilities(logits[reports], heat), labels[reports])
    return Evaluator(
        network,
        EvaluatorInfo(
            fingerprint=prepared.fingerprint,
            channels=prepared.channels,
            size=prepared.size,
            classes=prepared.classes,
            shown=shown,
            temperature=heat,
            calibration_error=error,
        ),
    )


def _write(folder: Path, judge: Evaluator) -> None:
    try:
        sealed.write(
            folder,
            {
                "evaluator.safetensors": weights.to_bytes(judge.network.state_dict()),
                "evaluator.json": files.to_json(judge.info.model_dump(mode="json")),
            },
        )
    except OSError as error:
        raise UserError(f"the evaluator cannot be kept in {folder}: {error.strerror or error}") from None


def _read(folder: Path, prepared: PreparedSet) -> Evaluator:
    sealed.verify(folder, ("evaluator.safetensors", "evaluator.json"))
    try:
        certificate = parse(EvaluatorInfo, files.read_json(folder / "evaluator.json"), prefix="")
    except UserError as error:
        raise files.DamagedError(f"evaluator.json: {error}") from None
    expected = (prepared.fingerprint, prepared.channels, prepared.size, prepared.classes)
    if (certificate.fingerprint, certificate.channels, certificate.size, certificate.classes) != expected:
        raise files.DamagedError("evaluator.json speaks of another set")
    with torch.device("meta"):
        network = certificate.network.build(Shape(certificate.channels, certificate.size, len(certificate.classes)))
    found = weights.read(folder / "evaluator.safetensors", network.state_dict())
    network.load_state_dict(found, assign=True)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Evaluator(network.eval().requires_grad_(False), certificate)
