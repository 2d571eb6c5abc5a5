"""What is exported: the generator of a run or of a bundle, with what is known of it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ganvas import console
from ganvas.errors import UserError
from ganvas.evaluation.scorecard import Scorecard, read_scorecard
from ganvas.networks.pair import Generator
from ganvas.runs import sealed, weights
from ganvas.runs.bundle import BundleInfo, open_run
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import RunRecord


@dataclass(frozen=True)
class Exportable:
    """A generator in eval mode, and what is known of it."""

    name: str
    """Of the run's folder."""
    info: BundleInfo
    generator: Generator
    record: RunRecord | None
    """None for a bundle alone."""
    card: Scorecard | None
    """None where these weights were not scored."""

    def weights(self) -> bytes:
        """The generator's weights as a safetensors file."""
        return weights.to_bytes(self.generator.state_dict())

    def digest(self) -> str:
        """The sha256 of `weights`: equal for equal generators, whatever they are exported to."""
        return hashlib.sha256(self.weights()).hexdigest()

    def facts(self) -> dict[str, object]:
        """What every export says of the generator, in values of JSON."""
        info = self.info
        return {
            "classes": list(info.classes),
            "digest": self.digest(),
            "fingerprint": info.fingerprint,
            "ganvas": info.ganvas,
            "images": info.images,
            "recipe": info.recipe,
            "seed": info.seed,
            "source": info.source,
        }


def open_exportable(path: Path) -> Exportable:
    """What can be exported of a run's folder or a bundle.

    UserError if it is neither, damaged, or a classifier's. A message where there is no scorecard of these weights.
    """
    bundle = open_run(path)
    name = path.resolve().name
    if bundle.info.is_classifier:
        raise UserError(f"{path} trained a classifier, which generates no images: there is nothing to export")
    is_run = not (path / sealed.MANIFEST).is_file()
    return Exportable(
        name=name,
        info=bundle.info,
        generator=cast(Generator, bundle.networks["generator"]),
        record=RunFolder(path).read() if is_run else None,
        card=scorecard_of(path, bundle.info),
    )


def scorecard_of(path: Path, info: BundleInfo) -> Scorecard | None:
    """The scorecard of a run's weights. UserError for a damaged one; None, with a message, for none or an older one."""
    file = path / "scorecard.json"
    if not file.is_file():
        console.info(f"{path} has no scorecard, so no measurements are exported: ganvas evaluate {path} makes one")
        return None
    card = read_scorecard(file)
    if card.images.images != info.images:
        console.info(
            f"the scorecard of {path} is of {card.images.images} images of training, and not of {info.images}, so no "
            f"measurements are exported: ganvas evaluate {path} makes a new one"
        )
        return None
    return card
