import pytest
import torch

from ganvas.errors import UserError
from ganvas.networks.inspect import parameter_count
from ganvas.networks.layers import Attention, blur_matrix
from ganvas.networks.modern import Modern
from ganvas.networks.pair import Shape
from ganvas.rng import seed_weights
from ganvas.sizes import Size

SHAPE = Shape(1, 28, 3)
SMALL = {"width": 8, "noise": 4, "embedding": 4, "features": 4}


def built(seed=0, shape=SHAPE, **choices):
    seed_weights(seed, "test")
    return Modern(**SMALL, **choices).build(shape)


def sampled(pair):
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(6, 4, generator=generator)
    with torch.no_grad():
        return pair.generator(noise, torch.arange(6) % 3)


def weights(network):
    """Names, and the sum of the absolute values of all."""
    return [name for name, _ in network.named_parameters()], sum(
        float(p.detach().double().abs().sum()) for p in (network.parameters())
    )


def test_without_attention_the_pair_is_what_it_was_before_there_was_any():
    pair = built()
    assert pair.generator.attention is None
    names, total = weights(pair.generator)
    stages = [f"stages.{stage}.{kind}" for stage in (0, 1) for kind in ("weight", "bias")]
    assert names == ["label_embedding.weight", "first.weight", "first.bias", *stages]
    assert total == pytest.approx(1394.1942796)
    assert weights(pair.discriminator)[1] == pytest.approx(169.9568109)


def test_blurred_images_are_those_that_are_not_averaged_before_their_tanh():
    plain, blurred = sampled(built(blur="off")), sampled(built(blur="on"))
    blur = blur_matrix(28)
    assert torch.allclose(blurred, torch.tanh(blur @ torch.atanh(plain) @ blur.T), atol=1e-5)
    assert torch.equal(plain, sampled(built())), "left open, a pair that is built by itself does not blur"


def test_where_colour_alone_is_smoothed_the_brightness_stays_and_the_rest_is_blurred_twice():
    shape = Shape(3, 28, 3)
    plain, smooth = (
        torch.atanh(sampled(built(blur=blur, shape=shape)).double().clamp(-0.999999, 0.999999))
        for blur in ("off", "colour")
    )
    assert torch.allclose(smooth.mean(1), plain.mean(1), atol=1e-5)
    blur = blur_matrix(28).double()
    colour = plain - plain.mean(1, keepdim=True)
    expected = blur @ blur @ colour @ blur.T @ blur.T
    assert torch.allclose(smooth - smooth.mean(1, keepdim=True), expected, atol=1e-5)


def test_smoothed_colour_keeps_its_brightness_and_its_alpha():
    shape = Shape(4, Size(28, 20), 3)
    plain, smooth = (
        torch.atanh(sampled(built(blur=blur, shape=shape)).double().clamp(-0.999999, 0.999999))
        for blur in ("off", "colour")
    )
    assert torch.allclose(smooth[:, 3], plain[:, 3], atol=1e-5)
    assert torch.allclose(smooth[:, :3].mean(1), plain[:, :3].mean(1), atol=1e-5)
    down, across = (blur_matrix(side).double() for side in (28, 20))
    colour = plain[:, :3] - plain[:, :3].mean(1, keepdim=True)
    expected = down @ down @ colour @ across.T @ across.T
    assert torch.allclose(smooth[:, :3] - smooth[:, :3].mean(1, keepdim=True), expected, atol=1e-5)


def test_a_strided_discriminator_sees_every_pixel_by_itself():
    D = Modern(**SMALL, stem="strided").build(SHAPE).discriminator
    images = torch.zeros(1, 1, 28, 28, requires_grad=True)
    D(images, torch.tensor([0])).logits.sum().backward()
    assert (images.grad != 0).all()
    assert D.stem.weight.shape == (8, 1, 4, 4)


def test_settings_written_before_there_was_a_choice_of_stems_mean_patches():
    settings = Modern.model_validate({"kind": "modern", "width": 32, "blur": "off"})
    assert (settings.stem, settings.width) == ("patches", 32)


@pytest.mark.parametrize("size", [16, 17, 28, 45, 64, 128])
@pytest.mark.parametrize("stem", ["patches", "strided"])
def test_either_stem_takes_images_of_every_size(size, stem):
    pair = Modern(**SMALL, stem=stem).build(Shape(3, size, 2))
    output = pair.discriminator(torch.zeros(2, 3, size, size), torch.tensor([0, 1]))
    assert (output.logits.shape, output.class_logits.shape) == ((2,), (2, 2))


def test_attention_changes_nothing_of_the_other_weights_of_g():
    with_it = built(attention=True).generator.state_dict()
    for name, tensor in built().generator.state_dict().items():
        assert torch.equal(with_it[name], tensor), name


def test_at_the_start_attention_is_the_identity():
    assert torch.equal(sampled(built(attention=True)), sampled(built()))


def test_attention_learns_from_the_first_step_on():
    generator = built(attention=True).generator
    generator(torch.randn(2, 4), torch.tensor([0, 1])).square().sum().backward()
    assert generator.attention.output.weight.grad.abs().sum() > 0


def attending(channels=6, side=4):
    torch.manual_seed(0)
    attention = Attention(channels)
    torch.nn.init.normal_(attention.output.weight)
    return attention, torch.randn(2, channels, side, side)


@pytest.mark.parametrize("position", [(0, 0), (3, 3), (1, 2)])
def test_every_position_depends_on_every_other_of_its_image_alone(position):
    attention, maps = attending()
    maps.requires_grad_(True)
    attention(maps)[0, :, position[0], position[1]].sum().backward()
    assert (maps.grad[0].abs().sum(0) > 0).all()
    assert not maps.grad[1].any()


def test_attention_does_not_know_positions():
    attention, maps = attending()
    assert torch.allclose(attention(maps.flip(3)), attention(maps).flip(3), atol=1e-5)


def test_where_all_positions_are_alike_attention_gives_the_value_of_one():
    attention, _ = attending(channels=4)
    position = torch.randn(1, 4, 1, 1)
    value = attention.query_key_value(position.flatten(1)).chunk(3, dim=1)[2]
    expected = position + attention.output(value)[:, :, None, None]
    assert torch.allclose(attention(position.expand(1, 4, 3, 3)), expected.expand(1, 4, 3, 3), atol=1e-5)


@pytest.mark.parametrize("size", [16, 17, 28, 45, 64, 128])
@pytest.mark.parametrize("classes", [0, 3])
def test_with_attention_it_draws_images_of_every_size(size, classes):
    pair = Modern(**SMALL, attention=True).build(Shape(3, size, classes))
    labels = torch.tensor([0, 2]) if classes else None
    images = pair.generator(torch.randn(2, 4), labels)
    assert images.shape == (2, 3, size, size)
    assert pair.discriminator(images, labels).logits.shape == (2,)


def test_a_few_weights_are_all_that_attention_costs():
    without, with_it = (parameter_count(built(attention=each).generator) for each in (False, True))
    channels = 16
    assert with_it - without == (channels + 1) * 3 * channels // 2 + (channels // 2 + 1) * channels


@pytest.mark.parametrize("stem", ["patches", "strided"])
def test_the_discriminators_logits_of_an_image_do_not_depend_on_its_batch(stem):
    """So that real and generated images may come in one call, which the step decides by `batch_independent`."""
    D = Modern(width=4, stem=stem).build(Shape(1, 28, 3)).discriminator.eval()
    images, labels = torch.rand(6, 1, 28, 28) * 2 - 1, torch.tensor([0, 1, 2, 2, 1, 0])
    assert D.batch_independent
    for whole, part in zip(D(images, labels), D(images[:2], labels[:2]), strict=True):
        torch.testing.assert_close(whole[:2], part, rtol=1e-5, atol=1e-6)


HALVED = {"stem": "strided", "half_resolution": 0.5}


@pytest.mark.parametrize("activation", ["gelu", "leaky-relu"])
@pytest.mark.parametrize(("size", "channels"), [(32, 3), (64, 1), (45, 4)])
def test_a_pair_that_grows_computes_what_it_did_before(size, channels, activation):
    choices = {"generator_activation": activation, "discriminator_activation": activation, **HALVED}
    pair = built(shape=Shape(channels, size, 3), **choices)
    values = torch.atanh(sampled(pair)[..., ::2, ::2])  # before the tanh, each pixel once
    images, labels = torch.rand(6, channels, size, size) * 2 - 1, torch.arange(6) % 3
    logits, class_logits = pair.discriminator(images, labels)
    pair.generator.grow()
    pair.discriminator.grow()
    grown = pair.discriminator(images, labels)
    assert torch.allclose(grown.logits, logits, atol=1e-5)
    assert torch.allclose(grown.class_logits, class_logits, atol=1e-5)
    image = sampled(pair)
    assert image.shape == (6, channels, size, size)
    if size % 2 == 0:  # the border has nothing outside to be interpolated with
        doubled = torch.tanh(torch.nn.functional.interpolate(values, scale_factor=2.0, mode="bilinear"))
        assert torch.allclose(image[..., 1:-1, 1:-1], doubled[..., 1:-1, 1:-1], atol=1e-4)


def test_at_half_the_resolution_four_pixels_are_one_to_the_discriminator():
    pair = built(shape=Shape(3, 32, 3), **HALVED)
    image = sampled(pair)
    assert torch.equal(image[..., ::2, ::2], image[..., 1::2, 1::2])
    means = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(image, 2), scale_factor=2)
    labels = torch.arange(6) % 3
    assert torch.equal(pair.discriminator(image, labels).logits, pair.discriminator(means, labels).logits)


def test_growing_happens_once_and_is_part_of_the_state():
    pair, other = built(shape=Shape(3, 32, 3), **HALVED), built(1, shape=Shape(3, 32, 3), **HALVED)
    for network, target in ((pair.generator, other.generator), (pair.discriminator, other.discriminator)):
        network.grow()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.01)  # trained on
        before = {name: value.clone() for name, value in network.state_dict().items()}
        network.grow()
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        target.load_state_dict(network.state_dict())
    assert torch.equal(sampled(other), sampled(pair))


def test_a_pair_at_full_resolution_has_no_layer_for_half_of_it():
    assert set(built().generator.state_dict()) == set(built(stem="strided", half_resolution=0).generator.state_dict())
    built().generator.grow()  # nothing to do


@pytest.mark.parametrize(
    ("choices", "shape"),
    [({"stem": "patches"}, Shape(1, 64)), ({"stem": "strided"}, Shape(1, 16)), ({"stem": "strided"}, Shape(5, 64))],
)
def test_half_the_resolution_is_refused_where_the_pair_cannot_grow(choices, shape):
    with pytest.raises(
        UserError, match=r"half the resolution first takes a discriminator with the stem strided, .* width"
    ):
        built(shape=shape, half_resolution=0.5, **choices)


@pytest.mark.parametrize("wrong", ["half", "1.5", "-1"])
def test_the_share_at_half_the_resolution_is_a_number_from_0_to_1(wrong):
    with pytest.raises(ValueError, match=r"from 0 to 1|less than or equal to 1|greater than or equal to 0"):
        Modern(half_resolution=wrong)
