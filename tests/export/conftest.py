"""What the tests of exports share: a generator of any recipe with arbitrary weights, ready to be exported."""

from collections.abc import Callable

import pytest
import torch

from ganvas.config.recipes import RECIPES
from ganvas.config.run import merge
from ganvas.export.exportable import Exportable
from ganvas.export.onnx import to_onnx
from ganvas.runs.bundle import BundleInfo, write_bundle
from ganvas.settings import parse


@pytest.fixture(scope="session")
def exportable(small) -> Callable[..., Exportable]:
    """exportable("modern", classes=("a", "b")) -> a small generator with arbitrary weights, 19 px, in colour."""

    def build(recipe="modern", classes=("cat", "dog", "<b>ox</b>"), channels=3, size=19, **pair) -> Exportable:
        config = RECIPES[recipe]("x").pair
        config = parse(type(config), merge(config.model_dump(), {**small(recipe)["pair"], **pair}))
        info = BundleInfo(
            recipe=recipe,
            source="pets",
            fingerprint="ab",
            seed=3,
            images=100,
            channels=channels,
            size=size,
            classes=classes,
            pair=config,
        )
        torch.manual_seed(5)
        generator = info.networks()["generator"].eval().requires_grad_(False)
        for buffer in generator.buffers():  # an average that a training left, and not the first value
            if buffer.is_floating_point() and buffer.dim() == 1:
                buffer.uniform_(0.5, 1.5)
        return Exportable("pets-modern-s3", info, generator, None, None)

    return build


@pytest.fixture(scope="session")
def exported(exportable) -> Callable[..., bytes]:
    """exported("modern", classes=()) -> that generator as ONNX, made once: PyTorch's exporter takes seconds."""
    made: dict[str, bytes] = {}

    def export(*arguments, **named) -> bytes:
        key = repr((arguments, sorted(named.items())))
        if key not in made:
            made[key] = to_onnx(exportable(*arguments, **named))
        return made[key]

    return export


@pytest.fixture
def bundle(exportable, tmp_path):
    """A bundle's folder."""
    run = exportable()
    write_bundle(tmp_path / "bundle", run.info, {**run.info.networks(), "generator": run.generator})
    return tmp_path / "bundle"
