"""A size as it is typed, as it is stored, and what is refused."""

import pytest

from ganvas.errors import UserError
from ganvas.settings import Settings, parse
from ganvas.sizes import Size, StoredSize, TrainableSize


class Trained(Settings):
    size: TrainableSize | None = None


class Kept(Settings):
    size: StoredSize


@pytest.mark.parametrize("typed", ["64x48", "64X48", " 64 x 48 ", "64×48", (64, 48), [64, 48], Size(64, 48)])
def test_a_size_is_height_by_width_however_it_is_typed(typed):
    assert parse(Trained, {"size": typed}).size == Size(height=64, width=48)


@pytest.mark.parametrize("typed", [28, "28", "28x28", (28, 28)])
def test_a_square_may_be_one_number_and_is_stored_as_one(typed):
    settings = parse(Trained, {"size": typed})
    assert settings.size == Size.square(28)
    assert settings.model_dump_json() == '{"size":28}'


def test_another_shape_is_stored_as_it_is_typed_and_read_again():
    settings = parse(Trained, {"size": (64, 48)})
    assert settings.model_dump() == {"size": "64x48"}
    assert Trained.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    "typed", ["15", "129", "64x15", "129x64", "64x", "x64", "64x48x3", "64.5", "-64", "64x-48", "", "big", True, (64,)]
)
def test_anything_else_is_refused_in_one_sentence(typed):
    with pytest.raises(UserError, match="--size: a size is pixels of a side from 16 to 128, or HEIGHTxWIDTH such as"):
        parse(Trained, {"size": typed})


def test_a_record_may_hold_sizes_that_no_network_is_trained_on():
    assert Kept.model_validate_json('{"size":8}').size == (8, 8)


def test_the_side_of_a_shape_is_that_of_the_square_of_its_area():
    assert Size(16, 64).side == 32
    assert all(Size.square(side).side == side for side in range(1, 300))


def test_in_words_height_comes_first():
    assert str(Size(64, 48)) == "64x48"
