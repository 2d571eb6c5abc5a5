"""The judge of a set: fitted to its training pictures once, calibrated on held-out ones, kept in the cache."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from ganvas import progress
from ganvas.classifying.calibrating import calibration_error, probabilities, temperature
from ganvas.classifying.fitting import fit, images_shown, parameters_digest
from ganvas.classifying.predicting import Logits, predict
from ganvas.data.cache import cache_folder, slug
from ganvas.data.prepared import Prepared
from ganvas.errors import UserError
from ganvas.images import Pixels, from_uint8
from ganvas.networks.judge import Judge, JudgeNetwork
from ganvas.networks.pair import Shape
from ganvas.runs import sealed, weights
from ganvas.settings import Settings, parse

VERSION = 1
"""Of how a judge is fitted. Judges of another version are made anew."""
FEWEST_TO_CALIBRATE = 20
Say = Callable[[str], None]


class Certificate(Settings):
    """What is known of a judge."""

    version: int = VERSION
    fingerprint: str
    """Of the prepared set that it was fitted to."""
    channels: int
    size: int
    classes: tuple[str, ...]
    network: Judge = Judge()
    shown: int
    """Pictures shown while it was fitted."""
    temperature: float = Field(gt=0)
    calibration_error: float | None
    """On the held-out pictures that did not choose the temperature; None where they are too few to do either."""


class Seen(NamedTuple):
    """What a judge makes of N pictures."""

    features: NDArray[np.float32]
    """(N, F): the last layer before the classes."""
    logits: Logits
    """(N, K)."""


@dataclass(frozen=True)
class TrainedJudge:
    """A judge that can be asked."""

    network: JudgeNetwork
    certificate: Certificate

    @property
    def digest(self) -> str:
        """Eight hex digits: judges with the same ones say the same."""
        return parameters_digest(self.network)[:8]

    def look(self, pixels: Pixels, batch: int = 500) -> Seen:
        """Features and logits of pictures (N, C, H, W) uint8, which may be a memory map."""
        place = next(self.network.parameters()).device
        features, logits = [], []
        with torch.inference_mode():
            for start in range(0, len(pixels), batch):
                images = from_uint8(torch.from_numpy(np.array(pixels[start : start + batch])).to(place))
                found = self.network.features(images.contiguous(memory_format=torch.channels_last))
                features.append(found.cpu().numpy())
                logits.append(self.network.classes(found).float().cpu().numpy())
        return Seen(np.concatenate(features), np.concatenate(logits))

    def probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """(N, K) calibrated probabilities."""
        return probabilities(logits, self.certificate.temperature)


def judge_of(prepared: Prepared, say: Say = lambda line: None) -> TrainedJudge:
    """The judge of a set, from the cache or fitted now. UserError for a set that cannot have one."""
    if not prepared.classes:
        raise UserError(f"{prepared.name} has no labels, and a judge learns labels; choose --features imagenet")
    if len(prepared.classes) == 1:
        raise UserError(f"{prepared.name} has one class, and a judge tells classes apart; choose --features imagenet")
    if not len(prepared.held_out):
        raise UserError(
            f"{prepared.name} gives no held-out pictures, without which nothing can be measured; "
            "at least 10 of a class are needed"
        )
    folder = place_of(prepared)
    if folder.is_dir():
        try:
            return _read(folder, prepared)
        except sealed.DamagedError as error:
            say(f"the judge in {folder} is damaged ({error}): fitting another")
    judge = _fitted(prepared, say)
    _write(folder, judge)
    return judge


def place_of(prepared: Prepared) -> Path:
    """Where the judge of a set lies."""
    return cache_folder() / "judges" / f"{slug(prepared.name)}-{prepared.fingerprint[:16]}-v{VERSION}"


def halves(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of (N,) labels in two halves, each with every other picture of a class."""
    order = np.argsort(labels, kind="stable")
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels))
    return np.flatnonzero(place % 2 == 0), np.flatnonzero(place % 2 == 1)


def _fitted(prepared: Prepared, say: Say) -> TrainedJudge:
    assert prepared.labels is not None
    rows = np.asarray(prepared.train)
    shown = images_shown(len(rows), prepared.size)
    every = np.asarray(prepared.labels)
    with progress.bar(f"fitting a judge of {prepared.name}", shown, "pictures") as bar:
        network = fit(prepared.pixels, every, len(prepared.classes), shown, advance=bar.advance, rows=rows)
    held = np.asarray(prepared.held_out)
    logits, labels = predict(network, prepared.pixels[held]), every[held]
    heat, error = 1.0, None
    if len(held) >= FEWEST_TO_CALIBRATE:
        chooses, reports = halves(labels)
        heat = temperature(logits[chooses], labels[chooses])
        error = calibration_error(probabilities(logits[reports], heat), labels[reports])
    return TrainedJudge(
        network,
        Certificate(
            fingerprint=prepared.fingerprint,
            channels=prepared.channels,
            size=prepared.size,
            classes=prepared.classes,
            shown=shown,
            temperature=heat,
            calibration_error=error,
        ),
    )


def _write(folder: Path, judge: TrainedJudge) -> None:
    try:
        sealed.write(
            folder,
            {
                "judge.safetensors": weights.to_bytes(judge.network.state_dict()),
                "judge.json": sealed.to_json(judge.certificate.model_dump(mode="json")),
            },
        )
    except OSError as error:
        raise UserError(f"the judge cannot be kept in {folder}: {error.strerror or error}") from None


def _read(folder: Path, prepared: Prepared) -> TrainedJudge:
    sealed.verify(folder, ("judge.safetensors", "judge.json"))
    try:
        certificate = parse(Certificate, sealed.read_json(folder / "judge.json"), prefix="")
    except UserError as error:
        raise sealed.DamagedError(f"judge.json: {error}") from None
    expected = (prepared.fingerprint, prepared.channels, prepared.size, prepared.classes)
    if (certificate.fingerprint, certificate.channels, certificate.size, certificate.classes) != expected:
        raise sealed.DamagedError("judge.json speaks of another set")
    with torch.device("meta"):
        network = certificate.network.build(Shape(certificate.channels, certificate.size, len(certificate.classes)))
    found = weights.read(folder / "judge.safetensors", network.state_dict())
    network.load_state_dict(found, assign=True)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TrainedJudge(network.eval().requires_grad_(False), certificate)
