"""What many rooms' tests need: a source of a few images, a finished run on it, and a cache that is nobody's."""

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganvas import console
from ganvas.runs.folder import RunFolder

CLASSES = ("across", "down", "spot")
SIDE = 16

# Nothing is measured, all is small, and there are several checkpoints.
SMALL: dict[str, Any] = {
    "pair": {"width": 4, "noise": 4, "embedding": 4, "features": 4},
    "training": {
        "images": 160,
        "batch": 8,
        "threads": 1,
        "precision": "float32",
        "memory_format": "contiguous",
        "log_every": 8,
        "save_every": 40,
        "preview_every": 80,
    },
}


def pytest_configure(config):
    """Tests compare with figures of the CPU, bit for bit: only those marked `gpu` see one."""
    if "not gpu" in config.option.markexpr or "gpu" not in config.option.markexpr:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory) -> Iterator[None]:
    """No test reads or fills the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANVAS_CACHE", str(tmp_path_factory.mktemp("cache-of-all")))
        yield


def pattern(label: int, random: np.random.Generator) -> np.ndarray:
    """A bar across, a bar down, or a spot: light, on noise."""
    image = random.integers(0, 60, (SIDE, SIDE))
    at = int(random.integers(3, SIDE - 6))
    rows = slice(None) if label == 1 else slice(at, at + 4)
    columns = slice(None) if label == 0 else slice(at, at + 4)
    image[rows, columns] += 180
    return image.astype(np.uint8)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Every line for a person from here on, in place of being written."""
    lines: list[str] = []
    console.redirect(lines.append)
    yield lines
    console.redirect(None)


@pytest.fixture(scope="session")
def tiny_source(tmp_path_factory) -> Path:
    """An .npz of 60 grey images of 16 px in three classes."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % len(CLASSES)
    path = tmp_path_factory.mktemp("source") / "patterns.npz"
    np.savez(path, images=np.stack([pattern(k, random) for k in labels]), labels=labels, classes=np.array(CLASSES))
    return path


@pytest.fixture(scope="session")
def large_source(tmp_path_factory) -> Path:
    """The same, with enough held-out images for a distance in 128 features."""
    random, labels = np.random.default_rng(0), np.arange(1_500) % 3
    path = tmp_path_factory.mktemp("source") / "many.npz"
    np.savez(path, images=np.stack([pattern(k, random) for k in labels]), labels=labels, classes=np.array(CLASSES))
    return path


@pytest.fixture(scope="session")
def unlabelled_source(tmp_path_factory) -> Path:
    """The same without labels."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("source") / "unlabelled.npz"
    np.savez(path, images=np.stack([pattern(k % 3, random) for k in range(60)]))
    return path


@pytest.fixture(scope="session")
def tiny_prepared(tiny_source):
    from ganvas.data import open_source

    return open_source(str(tiny_source))


@pytest.fixture(scope="session")
def small() -> Callable[..., dict[str, Any]]:
    """small("book-gan", training={"batch": 1}) -> the choices of a run of a second."""
    from ganvas.config.recipes import RECIPES
    from ganvas.config.run import merge

    def choices(recipe: str = "modern", **above: Any) -> dict[str, Any]:
        base = copy.deepcopy(SMALL)
        if recipe != "modern":
            fields = type(RECIPES[recipe]("x").pair).model_fields
            base["pair"] = {name: size for name, size in (("hidden", 6), ("width", 4)) if name in fields}
        return merge(base, above)

    return choices


@pytest.fixture
def train_small(tiny_source, small, monkeypatch) -> Callable[..., RunFolder]:
    """train_small(out, recipe="modern", training={...}) -> the folder of a run without charts, which take longest."""
    from ganvas.training import artifacts
    from ganvas.training.run import TrainRequest, train

    monkeypatch.setattr(artifacts, "draw_charts", lambda *_: None)

    def run(
        out: Path, recipe: str = "modern", source: Path = tiny_source, start_from: str | None = None, **above: Any
    ) -> RunFolder:
        return train(TrainRequest(str(source), recipe, small(recipe, **above), start_from), out)

    return run


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny_source, small) -> RunFolder:
    """A finished run of the default recipe, charts and all. Not to be changed: copy it (`own_run`)."""
    from ganvas.training.run import TrainRequest, train

    return train(TrainRequest(str(tiny_source), "modern", small()), tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def own_run(tiny_run, tmp_path) -> RunFolder:
    """A copy of the finished run, to damage."""
    return RunFolder(Path(shutil.copytree(tiny_run.path, tmp_path / "own")))


@pytest.fixture
def unfinished_run(own_run) -> RunFolder:
    """The run as a kill after its last checkpoint leaves it: without a bundle, its record as it was begun."""
    shutil.rmtree(own_run.bundle)
    own_run.write(own_run.read().model_copy(update={"status": "begun"}))
    return own_run


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder: name -> bytes."""

    def read(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return read


@pytest.fixture(scope="session")
def figures_of() -> Callable[[RunFolder], list[dict[str, float]]]:
    """A run's log without what depends on the clock."""

    def read(run: RunFolder) -> list[dict[str, float]]:
        records = [json.loads(line) for line in run.log.read_text().splitlines()]
        return [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in records]

    return read


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.name == "nt" or os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk, and not everywhere")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
