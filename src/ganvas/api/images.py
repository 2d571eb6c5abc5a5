"""Images in memory: they show themselves in a notebook, can be indexed, and become arrays, tensors or files.

Transparent ones have four channels, RGBA, with their colour as files hold it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ganvas import console, files
from ganvas.alpha import premultiply
from ganvas.api.keywords import Place, in_keywords, path_of
from ganvas.errors import UserError, nearest
from ganvas.images import Pixels, save_png
from ganvas.png import to_pil, to_png
from ganvas.report import charts
from ganvas.runs.paths import folder_name, other_image, refuse_unwritable
from ganvas.sampling import save_npz
from ganvas.sheets import enlarge, grid

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage
    from torch import Tensor

MOST_SHOWN = 96
MOST_CLASSES_SHOWN, MOST_OF_A_CLASS_SHOWN = 20, 12  # of several classes
SIDE_SHOWN = 128  # of a single image


class Shown:
    """What one image and several have in common: uint8 values with the channels before height and width."""

    _pixels: Pixels

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W), or (C, H, W) of one image."""
        return self._pixels.shape

    def numpy(self) -> Pixels:
        """The values as an array of `shape`, uint8 in 0..255. It is not a copy."""
        return self._pixels

    def tensor(self) -> "Tensor":
        """A copy of the values as a tensor of `shape`, uint8 in 0..255."""
        import torch

        return torch.from_numpy(np.array(self._pixels))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        array = np.asarray(self._pixels, dtype)
        if copy is False and not np.shares_memory(array, self._pixels):
            raise ValueError("values of another type need a copy")
        return array.copy() if copy else array


class Image(Shown):
    """One image."""

    def __init__(self, pixels: Pixels, label: str | None = None) -> None:
        """pixels: (C, H, W) uint8. label: what it shows, if that is known."""
        self._pixels, self.label = pixels, label

    def pil(self) -> "PilImage":
        """Pillow's image, in its own size."""
        return to_pil(self._pixels)

    def save(self, path: Place) -> Path:
        """Writes a PNG file in the image's own size, and returns its path."""
        with in_keywords():
            file = _writable(path, (".png",))
            save_png(premultiply(self._pixels), file)
        return file

    def __repr__(self) -> str:
        return f"{_in_words(self._pixels.shape)}{'' if self.label is None else f': {console.printable(self.label)}'}"

    def _repr_png_(self) -> bytes:
        return to_png(enlarge(self._pixels, SIDE_SHOWN))


class Images(Shown, Sequence[Image]):
    """N images, and what each one shows if that is known.

    `images[0]` is one `Image`; `images[2:5]`, `images[[0, 3]]` and `images["cat"]` are several.
    """

    def __init__(self, pixels: Pixels, labels: Sequence[str] | None = None) -> None:
        """pixels: (N, C, H, W) uint8. labels: the name of each image's class."""
        assert labels is None or len(labels) == len(pixels)
        self._pixels = pixels
        self.labels = None if labels is None else tuple(labels)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that there are, in the order in which they come first."""
        return tuple(dict.fromkeys(self.labels or ()))

    def pil(self) -> list["PilImage"]:
        """Pillow's images, in their own size."""
        return [to_pil(image) for image in self._pixels]

    def sheet(self) -> bytes:
        """A PNG file with a row for each class, which is what a notebook shows; of many images the first ones."""
        return _sheet(self)

    def save(self, path: Place) -> Path:
        """Writes a sheet (FILE.png), arrays (FILE.npz), or a folder with a PNG file for each image; returns its path.

        In a folder the images of a class lie in a folder of its name: that and an .npz can be a source.
        """
        with in_keywords():
            place = _writable(path, (".png", ".npz", ""))
            if place.suffix == ".png":
                files.write_atomic(place, self.sheet())
            elif place.suffix == ".npz":
                classes = self.classes
                indices = np.array([classes.index(label) for label in self.labels]) if self.labels else None
                save_npz(place, [premultiply(np.asarray(self._pixels))], len(self), indices, classes)
            else:
                folders = [folder_name(label) + "/" for label in self.labels] if self.labels else [""] * len(self)
                names = [f"{folder}{index:06d}.png" for index, folder in enumerate(folders)]
                if (other := other_image(place, set(names))) is not None:
                    raise UserError(f"{place} holds other images, such as {other}: choose another folder")
                for name, image in zip(names, self._pixels, strict=True):
                    save_png(premultiply(image), place / name)
        return place

    def __len__(self) -> int:
        return len(self._pixels)

    def __iter__(self) -> Iterator[Image]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice | str | Sequence[int] | NDArray[Any]) -> "Images": ...
    def __getitem__(self, index: Any) -> "Image | Images":
        if isinstance(index, str):
            if self.labels is None:
                raise UserError("these images have no labels: give numbers")
            if index not in self.classes:
                raise UserError(f"none of these images shows {index!r}; {nearest(index, self.classes)}")
            index = [row for row, label in enumerate(self.labels) if label == index]
        rows = np.arange(len(self))[index]
        if rows.ndim == 0:
            return Image(self._pixels[int(rows)], self.labels[int(rows)] if self.labels else None)
        return Images(self._pixels[rows], [self.labels[row] for row in rows] if self.labels else None)

    def __repr__(self) -> str:
        counts = ", ".join(f"{console.printable(name)} ({n})" for name, n in Counter(self.labels or ()).items())
        return f"{len(self)} images, {_in_words(self._pixels.shape[1:])}{f': {counts}' if counts else ''}"

    def _repr_png_(self) -> bytes | None:
        return self.sheet() if len(self) else None


def _in_words(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height}x{width} px, {({1: 'grey', 3: 'RGB', 4: 'RGBA'}).get(channels, f'{channels} channels')}"


def _writable(path: Place, suffixes: tuple[str, ...]) -> Path:
    """A path to write to; UserError for another type of file, or without permission."""
    place = path_of(path)
    if place.suffix not in suffixes:
        forms = {".png": "FILE.png", ".npz": "FILE.npz", "": "FOLDER"}
        raise UserError(f"{place}: give {', or '.join(forms[suffix] for suffix in suffixes)}")
    refuse_unwritable(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _sheet(images: Images) -> bytes:
    if not len(images):
        raise UserError("there are no images to show")
    if images.labels is None:
        shown = premultiply(images[:MOST_SHOWN].numpy())
        return to_png(grid(enlarge(shown, 64), columns=min(len(shown), 16), gap=4))
    classes = images.classes[:MOST_CLASSES_SHOWN]
    most = MOST_SHOWN if len(classes) == 1 else MOST_OF_A_CLASS_SHOWN
    labels: NDArray[np.int64] = np.array([classes.index(each) if each in classes else -1 for each in images.labels])
    rows = np.sort(np.concatenate([np.flatnonzero(labels == label)[:most] for label in range(len(classes))]))
    with TemporaryDirectory() as folder:  # matplotlib writes the names beside the rows
        path = Path(folder) / "sheet.png"
        charts.draw_class_grid(premultiply(np.asarray(images.numpy()[rows])), labels[rows], classes, path)
        return path.read_bytes()
