"""The book's classifier: two small convolutions and one linear layer."""

from collections import OrderedDict
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.layers import Activation, Normalisation, activation, normalisation
from ganvas.networks.pair import Shape
from ganvas.settings import Settings

LARGEST_LAST_MAP = 8


class Classifier(nn.Module):
    """images (N, C, H, W) in [-1, 1] -> class logits (N, K).

    The book's images lie in [0, 1], which is translated here, and its network ends in a sigmoid, which belongs to the
    loss here: binary cross-entropy of each logit against the one-hot label.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> Tensor:
        """Class logits (N, K)."""
        logits: Tensor = self.layers((images + 1) / 2)
        return logits.float()


class BookClassifier(Settings):
    """The book's classifier of MNIST digits, and the same at other sizes."""

    kind: Literal["book-classifier"] = "book-classifier"
    width: int = Field(default=10, ge=1, le=512)
    """Channels of each convolution."""
    activation: Activation = "leaky-relu"
    """Activation function after every convolution."""
    slope: float = Field(default=0.02, ge=0, le=1)
    """LeakyReLU's slope below zero."""
    normalisation: Normalisation = "batch"
    """Normalisation after the activation."""

    def build(self, shape: Shape) -> Classifier:
        """A classifier for images of that shape, its weights drawn from torch's global generator.

        A 5 x 5 convolution, then 3 x 3 ones until the map is at most 8 px wide, all of stride 2. At 28 px that is one
        of each, as in the book, with maps of 12 and 5 px.
        """
        assert shape.classes > 0, "a classifier needs classes"
        assert shape.size.is_square, "the book's images are squares"
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        maps, side, stage = shape.channels, shape.size.height, 1
        while stage <= 2 or side > LARGEST_LAST_MAP:
            kernel = 5 if stage == 1 else 3
            layers[f"convolution{stage}"] = nn.Conv2d(maps, self.width, kernel, stride=2)
            layers[f"activation{stage}"] = activation(self.activation, self.slope)
            layers[f"normalisation{stage}"] = normalisation(self.normalisation, self.width, dimensions=2)
            maps, side, stage = self.width, (side - kernel) // 2 + 1, stage + 1
        layers["flatten"] = nn.Flatten()
        layers["linear"] = nn.Linear(self.width * side**2, shape.classes)
        return Classifier(nn.Sequential(layers))
