"""The evaluator: a small classifier of a set's classes, trained in a minute. Distances are measured in its features."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ganvas.alpha import both_grounds, seen_channels
from ganvas.networks.pair import Shape
from ganvas.settings import Settings
from ganvas.sizes import Size

SMALLEST_MAP = 7


class EvaluatorNetwork(nn.Module):
    """images (N, C, H, W) in [-1, 1] -> class logits (N, K); the layer before them is `features`, (N, F).

    It sees transparent images on black and on white at once, as six channels.
    """

    def __init__(self, settings: "EvaluatorConfig", shape: Shape) -> None:
        super().__init__()
        assert shape.classes > 0, "an evaluator needs classes"
        layers: list[nn.Module] = []
        channels, size, width = seen_channels(shape.channels), shape.size, settings.width
        while max(size) > SMALLEST_MAP or not layers:
            kernel = 3 if layers else 5  # no bias: the batch normalisation behind it would subtract it again
            layers += [nn.Conv2d(channels, width, kernel, stride=2, padding=kernel // 2, bias=False)]
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            channels, size, width = width, Size(*((side + 1) // 2 for side in size)), width * 2
        layers += [nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        self.maps = nn.Sequential(*layers)
        self.last = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * size.height * size.width, settings.features), nn.ReLU()
        )
        self.class_head = nn.Linear(settings.features, shape.classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F), at least 0."""
        features: Tensor = self.last(self.maps(both_grounds(images)))
        return features.float()

    def forward(self, images: Tensor) -> Tensor:
        """Class logits (N, K)."""
        # Not of `features`, which are float32: under autocast the head then runs in low precision like all the rest.
        logits: Tensor = self.class_head(self.last(self.maps(both_grounds(images))))
        return logits.float()


class EvaluatorConfig(Settings):
    """The evaluator's size."""

    kind: Literal["evaluator"] = "evaluator"
    width: int = Field(default=32, ge=4, le=512)
    """Maps of the first convolution; they double as the sides halve."""
    features: int = Field(default=128, ge=4, le=4096)
    """Values of the last layer before the classes."""

    def build(self, shape: Shape) -> EvaluatorNetwork:
        """A new evaluator for images of that shape, with weights drawn from torch's global generator."""
        return EvaluatorNetwork(self, shape)
