"""What every pair must be: one suite over all that a person may choose, at every kind of size."""

import pytest
import torch

from ganvas.networks import PAIRS
from ganvas.networks.pair import Shape
from ganvas.rng import seed_weights
from ganvas.sizes import Size

SIZES = (16, 17, 28, 45, 64, 127, 128)
# Labels of two parts, of three classes and of two.
IN_PARTS = [Shape(channels, size, 5, (3, 2)) for channels, size in ((1, 16), (3, 45))]
SHAPES = [Shape(channels, size, classes) for size in SIZES for channels in (1, 3) for classes in (0, 3)] + IN_PARTS
# Odd sides, and as slender as it gets: in either direction.
RECTANGLES = [Shape(3, Size(64, 48), 3), Shape(1, Size(17, 128)), Shape(3, Size(127, 16), 3), Shape(1, Size(28, 45), 3)]
TRANSPARENT = [Shape(4, 28, 3), Shape(4, Size(20, 33))]
SQUARES_ALONE = ("book-mlp", "book-conv")
SMALL = {"width": 4, "hidden": 8}


def name_of(shape):
    return f"{shape.size}px-{shape.channels}ch-{'+'.join(map(str, shape.parts)) or 0}classes"


def skip_where_squares_alone(kind, shape):
    if kind in SQUARES_ALONE and not shape.size.is_square:
        pytest.skip("the book's pairs are for squares")


def small(kind):
    """The pair's settings with its hidden layers narrow, so that the suite is quick."""
    settings = PAIRS[kind]
    if kind == "sngan-projection":  # with four channels all of a rectified map may be zero
        return settings(width=16)
    return settings(**{name: value for name, value in SMALL.items() if name in settings.model_fields})


def build(kind, shape):
    seed_weights(0, kind)
    return small(kind).build(shape)


def noise_and_labels(pair, shape, count=3):
    noise = torch.randn(count, pair.generator.noise_size)
    if len(shape.parts) > 1:
        return noise, torch.stack([(torch.arange(count) + part) % k for part, k in enumerate(shape.parts)], dim=1)
    return noise, (torch.arange(count) % shape.classes if shape.classes else None)


def same(first, second, tolerance=0.0):
    """Whether two `DiscriminatorOutput`s agree in all that they hold."""
    return all(
        (a is None and b is None) or torch.allclose(a, b, rtol=0, atol=tolerance)
        for a, b in zip(first, second, strict=True)
    )


def part_of(output, part):
    return [None if logits is None else logits[part] for logits in output]


@pytest.fixture(params=PAIRS)
def kind(request):
    return request.param


@pytest.mark.parametrize("shape", SHAPES + RECTANGLES + TRANSPARENT, ids=name_of)
def test_a_pair_draws_images_of_the_datas_shape_in_range_and_scores_each(kind, shape):
    skip_where_squares_alone(kind, shape)
    pair = build(kind, shape)
    noise, labels = noise_and_labels(pair, shape)
    images = pair.generator(noise, labels)
    assert images.shape == (3, *shape.image)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    output = pair.discriminator(images, labels)
    assert output.logits.shape == (3,)
    assert output.logits.isfinite().all()
    assert output.class_logits is None or output.class_logits.shape == (3, shape.classes)
    assert shape.classes or output.class_logits is None


@pytest.mark.parametrize("shape", SHAPES + RECTANGLES + TRANSPARENT, ids=name_of)
def test_gradients_reach_every_parameter(kind, shape):
    skip_where_squares_alone(kind, shape)
    # In eval mode: batch statistics would cancel the bias of the convolution before them.
    pair = build(kind, shape)
    for weight in (*pair.generator.parameters(), *pair.discriminator.parameters()):
        if weight.dim() > 1 and not weight.any():  # a branch that is zero at first passes no gradient on yet
            torch.nn.init.normal_(weight, std=0.1)
    noise, labels = noise_and_labels(pair, shape, count=24)  # a rectified value may rest for one image, not for all
    output = pair.discriminator.eval()(pair.generator.eval()(noise, labels), labels)
    sum(logits.square().sum() for logits in output if logits is not None).backward()
    for network in (pair.generator, pair.discriminator):
        idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert idle == []


@pytest.mark.parametrize("shape", [*(Shape(3, size, 3) for size in SIZES), *IN_PARTS], ids=name_of)
def test_class_indices_and_one_hot_mixtures_are_the_same_label(kind, shape):
    pair = build(kind, shape)
    generator, discriminator = pair.generator.eval(), pair.discriminator.eval()
    noise, labels = noise_and_labels(pair, shape)
    columns = labels.reshape(len(labels), -1).T
    one_hot = torch.cat([torch.eye(k)[column] for k, column in zip(shape.parts, columns, strict=True)], dim=1)
    tolerance = 0.0 if len(shape.parts) == 1 else 1e-5
    with torch.no_grad():
        images = generator(noise, labels)
        assert torch.allclose(images, generator(noise, one_hot), rtol=0, atol=tolerance)
        assert same(discriminator(images, labels), discriminator(images, one_hot), tolerance)


@pytest.mark.parametrize("shape", IN_PARTS, ids=name_of)
def test_a_part_that_is_missing_has_no_weights_and_each_part_changes_the_image(kind, shape):
    pair = build(kind, shape)
    generator, discriminator = pair.generator.eval(), pair.discriminator.eval()
    noise = torch.randn(1, pair.generator.noise_size).expand(4, -1)
    labels = torch.tensor([[2, 1], [2, 0], [0, 1], [2, -1]])
    weights = torch.tensor([[0, 0, 1, 0, 1], [0, 0, 1, 1, 0], [1, 0, 0, 0, 1], [0, 0, 1, 0, 0]]).float()
    with torch.no_grad():
        images = generator(noise, labels)
        assert torch.allclose(images, generator(noise, weights), rtol=0, atol=1e-5)
        assert same(discriminator(images, labels), discriminator(images, weights), 1e-4)
    assert all(not torch.allclose(images[0], other) for other in images[1:])


def test_a_mixture_lies_between_its_classes_and_is_neither(kind):
    pair = build(kind, Shape(1, 28, 2))
    noise = torch.randn(1, pair.generator.noise_size)
    with torch.no_grad():
        ends = pair.generator.eval()(noise.expand(2, -1), torch.tensor([0, 1]))
        between = pair.generator(noise, torch.tensor([[0.5, 0.5]]))[0]
    apart = (ends[0] - ends[1]).norm()
    assert 0 < (between - ends[0]).norm() < apart
    assert 0 < (between - ends[1]).norm() < apart


def test_the_label_changes_the_image_and_the_logit_or_d_predicts_it(kind):
    pair = build(kind, Shape(1, 28, 2))
    noise = torch.randn(1, pair.generator.noise_size).expand(2, -1)
    labels = torch.tensor([0, 1])
    with torch.no_grad():
        images = pair.generator.eval()(noise, labels)
        assert not torch.allclose(images[0], images[1])
        output = pair.discriminator.eval()(images[:1].expand(2, -1, -1, -1), labels)
    assert output.logits[0] != output.logits[1] or output.class_logits is not None


def test_labels_are_refused_without_classes_and_needed_with_them(kind):
    for shape, labels in ((Shape(1, 28, 2), None), (Shape(1, 28), torch.tensor([0]))):
        pair = build(kind, shape)
        with pytest.raises(AssertionError, match="built with classes"):
            pair.generator(torch.randn(1, pair.generator.noise_size), labels)
        with pytest.raises(AssertionError, match="built with classes"):
            pair.discriminator(torch.zeros(1, *shape.image), labels)


@pytest.mark.parametrize("size", [*SIZES, Size(64, 48), Size(17, 128)])
def test_in_eval_mode_a_row_does_not_depend_on_the_others(kind, size):
    shape = Shape(1, size, 3)
    skip_where_squares_alone(kind, shape)
    pair = build(kind, shape)
    generator, discriminator = pair.generator.eval(), pair.discriminator.eval()
    noise, labels = noise_and_labels(pair, shape, count=5)
    with torch.no_grad():
        images = generator(noise, labels)
        assert torch.allclose(images[3:4], generator(noise[3:4], labels[3:4]), atol=1e-5)
        assert same(part_of(discriminator(images, labels), slice(3, 4)), discriminator(images[3:4], labels[3:4]), 1e-5)


@pytest.mark.parametrize("size", [28, Size(20, 29)])
def test_a_pair_built_on_no_device_is_whole_once_its_weights_are_filled_in(kind, size):
    shape = Shape(3, size, 3)
    skip_where_squares_alone(kind, shape)
    chosen = small(kind)
    if "blur" in PAIRS[kind].model_fields:
        chosen = chosen.model_copy(update={"blur": "on"})
    pair = chosen.build(shape)
    with torch.device("meta"):
        empty = chosen.build(shape)
    noise, labels = noise_and_labels(pair, shape)
    for network, filled in ((pair.generator, empty.generator), (pair.discriminator, empty.discriminator)):
        filled.load_state_dict(network.state_dict(), assign=True)
    with torch.no_grad():
        images = pair.generator.eval()(noise, labels)
        assert torch.equal(empty.generator.eval()(noise, labels), images)
        assert same(empty.discriminator.eval()(images, labels), pair.discriminator.eval()(images, labels))


@pytest.mark.parametrize("kind", [kind for kind in PAIRS if build(kind, SHAPES[-1]).discriminator.batch_independent])
def test_logits_of_a_batch_independent_discriminator_do_not_depend_on_the_batch_while_it_trains(kind):
    shape = Shape(3, 45, 3)
    pair = build(kind, shape)
    images, labels = torch.rand(6, *shape.image) * 2 - 1, torch.arange(6) % 3
    whole = pair.discriminator(images, labels)
    for part in (slice(0, 2), slice(2, 6)):
        assert same(pair.discriminator(images[part], labels[part]), part_of(whole, part), 1e-5)


@pytest.mark.parametrize("shape", [Shape(1, 28), Shape(3, 45, 3), Shape(3, Size(20, 33), 3)], ids=name_of)
def test_a_state_dict_carries_everything_from_one_pair_to_another(kind, shape):
    skip_where_squares_alone(kind, shape)
    first = build(kind, shape)
    seed_weights(1, kind)
    second = small(kind).build(shape)
    noise, labels = noise_and_labels(first, shape)
    first.discriminator(first.generator(noise, labels), labels)  # moves running averages where there are any
    for name in ("generator", "discriminator"):
        getattr(second, name).load_state_dict(getattr(first, name).state_dict())
    with torch.no_grad():
        images = first.generator.eval()(noise, labels)
        assert torch.equal(images, second.generator.eval()(noise, labels))
        assert same(first.discriminator.eval()(images, labels), second.discriminator.eval()(images, labels))


def test_the_same_seed_builds_the_same_weights_and_another_seed_others(kind):
    shape = Shape(3, 28, 3)
    first, again = build(kind, shape), build(kind, shape)
    seed_weights(1, kind)
    other = small(kind).build(shape)
    for name in ("generator", "discriminator"):
        weights, same = getattr(first, name).state_dict(), getattr(again, name).state_dict()
        assert weights.keys() == same.keys()
        assert all(torch.equal(weights[key], same[key]) for key in weights)
        assert any(not torch.equal(weights[key], value) for key, value in getattr(other, name).state_dict().items())


def test_the_settings_survive_json_and_name_their_kind(kind):
    settings = small(kind)
    assert settings.kind == kind
    assert type(settings).model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("size", [28, Size(20, 29)])
def test_channels_last_draws_and_scores_the_same(kind, size):
    shape = Shape(3, size, 3)
    skip_where_squares_alone(kind, shape)
    pair = build(kind, shape)
    noise, labels = noise_and_labels(pair, shape)
    with torch.no_grad():
        images = pair.generator.eval()(noise, labels)
        output = pair.discriminator.eval()(images, labels)
        for network in (pair.generator, pair.discriminator):
            network.to(memory_format=torch.channels_last)
        assert torch.allclose(pair.generator(noise, labels), images, atol=1e-5)
        channels_last = images.contiguous(memory_format=torch.channels_last)
        assert same(pair.discriminator(channels_last, labels), output, 1e-5)


def test_the_published_width_fits_into_the_same_shapes(kind):
    shape = Shape(1, 28, 10)
    pair = PAIRS[kind]().build(shape)
    noise, labels = noise_and_labels(pair, shape, count=1)
    with torch.no_grad():
        images = pair.generator.eval()(noise, labels)
        assert pair.discriminator.eval()(images, labels).logits.shape == (1,)


@pytest.mark.parametrize("kind", [kind for kind in PAIRS if kind not in SQUARES_ALONE])
@pytest.mark.parametrize("size", SIZES)
def test_an_image_that_is_turned_on_its_side_takes_as_many_weights(kind, size):
    tall, wide = (build(kind, Shape(3, Size(*sides), 3)) for sides in ((size, 32), (32, size)))
    for name in ("generator", "discriminator"):
        counts = [sum(weight.numel() for weight in getattr(pair, name).parameters()) for pair in (tall, wide)]
        assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", SQUARES_ALONE)
def test_the_books_pairs_are_built_for_squares_alone(kind):
    with pytest.raises(AssertionError, match="squares"):
        build(kind, Shape(3, Size(64, 48)))
