import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """A cache of its own for every test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GANVAS_CACHE", str(folder))
    return folder


def image(seed: int, size: tuple[int, int] = (20, 20), mode: str = "L") -> Image.Image:
    """Blocks of random brightness: no two seeds are nearly alike."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (5, 5, len(mode)), np.uint8)
    return Image.fromarray(blocks.squeeze()).resize(size, Image.Resampling.NEAREST)


@pytest.fixture
def draw() -> Callable[..., Image.Image]:
    return image


@pytest.fixture
def class_folder(tmp_path) -> Callable[..., Path]:
    """make(cats=12, dogs=3) -> a folder of PNGs with a sub-folder per class."""

    def make(name: str = "pets", size: tuple[int, int] = (20, 20), mode: str = "L", **counts: int) -> Path:
        seed = 0
        for class_name, count in counts.items():
            folder = tmp_path / name / class_name
            folder.mkdir(parents=True)
            for index in range(count):
                image(seed, size, mode).save(folder / f"{index}.png")
                seed += 1
        return tmp_path / name

    return make


def idx(array: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return head + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path) -> Callable[..., Path]:
    """make(train=30, t10k=10) -> a folder of idx files."""

    def make(train: int = 30, t10k: int = 10, packed: bool = False, side: int = 28) -> Path:
        folder = tmp_path / "idx"
        folder.mkdir()
        for split, count, first in (("train", train, 0), ("t10k", t10k, 10_000)):
            pixels = np.stack([np.asarray(image(first + i, (side, side))) for i in range(count)])
            labels = np.arange(count, dtype=np.uint8) % 10
            for suffix, array in (("images-idx3", pixels), ("labels-idx1", labels)):
                data = idx(array)
                path = folder / f"{split}-{suffix}-ubyte{'.gz' if packed else ''}"
                path.write_bytes(gzip.compress(data) if packed else data)
        return folder

    return make


@pytest.fixture
def celeba_folder(tmp_path) -> Callable[..., Path]:
    """make(20) -> a folder in CelebA's published layout."""

    def make(count: int = 20, partition: bool = False) -> Path:
        folder = tmp_path / "faces"
        (folder / "img_align_celeba").mkdir(parents=True)
        lines = [str(count), "Bald Smiling Young "]
        for index in range(1, count + 1):
            name = f"{index:06}.jpg"
            image(index, (178, 218), "RGB").save(folder / "img_align_celeba" / name)
            lines.append(f"{name} -1  {'1' if index % 2 else '-1'} -1")
        (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
        if partition:
            parts = [f"{index:06}.jpg {0 if index <= count - 4 else 1 + index % 2}" for index in range(1, count + 1)]
            (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
        return folder

    return make


needs_other_user = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read and write everything"
)
