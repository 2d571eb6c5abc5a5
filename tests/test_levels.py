from fractions import Fraction

import numpy as np
import pytest

from ganvas import levels
from ganvas.errors import UserError
from ganvas.levels import LevelStats


def stats(**met):
    names = {"bytes": levels.BYTES, "wide": levels.SIXTEEN_BITS, "floats": None}
    found = LevelStats()
    for name, (lowest, highest) in met.items():
        found.add(names[name], lowest, highest)
    return found


def test_without_stretching_black_and_white_stay_where_they_are():
    mapping = levels.choose_mapping(stats(bytes=(3, 9), wide=(0, 4095)), stretch=False)
    assert mapping == levels.WHOLE_RANGE
    assert mapping.ends(levels.BYTES) == (0, 255)
    assert mapping.ends(levels.SIXTEEN_BITS) == (0, 65535)


def test_stretching_is_exact_for_the_levels_that_were_met():
    mapping = levels.choose_mapping(stats(bytes=(2, 18)), stretch=True)
    assert mapping.ends(levels.BYTES) == (2, 18)
    assert levels.scale_to_bytes(np.array([0, 2, 10, 18, 19]), (2, 18)).tolist() == [0, 0, 128, 255, 255]


def test_one_mapping_holds_for_all_depths():
    # 51 of 255 is a fifth, 32767.5 of 65535 a half.
    mapping = levels.choose_mapping(stats(bytes=(51, 60), wide=(13107, 39321)), stretch=True)
    assert mapping.stretch == (Fraction(1, 5), Fraction(3, 5))
    assert mapping.ends(levels.BYTES) == (51, 153)


@pytest.mark.parametrize(
    ("met", "full"),
    [((0, 1), (0, 1)), ((0.2, 0.3), (0, 1)), ((-1, 1), (-1, 1)), ((-0.1, 0), (-1, 1)), ((0, 16), (0, 255)),
     ((0, 256), (0, 65535)), ((-2, 0), None), ((0, 1e6), None)],
)  # fmt: skip
def test_the_range_of_floats_is_the_first_that_holds_them(met, full):
    assert levels.full_range(*met) == full


def test_floats_of_no_known_range_need_stretching():
    with pytest.raises(UserError, match=r"-1000\.\.3000, lie in none of the ranges 0\.\.1, -1\.\.1, .*--stretch"):
        levels.choose_mapping(stats(floats=(-1000, 3000)), stretch=False)
    mapping = levels.choose_mapping(stats(floats=(-1000, 3000)), stretch=True)
    assert mapping.ends(None) == (-1000, 3000)


@pytest.mark.parametrize("met", [{"bytes": (7, 7)}, {"floats": (0.5, 0.5)}, {"floats": (-5.0, -5.0)}])
def test_a_single_level_cannot_be_stretched(met):
    with pytest.raises(UserError, match="same level"):
        levels.choose_mapping(stats(**met), stretch=True)


def test_nothing_met_asks_for_nothing():
    assert levels.choose_mapping(LevelStats(), stretch=True) == levels.WHOLE_RANGE


def test_levels_of_chunks_are_joined():
    first, second = stats(bytes=(3, 9)), stats(bytes=(0, 5), wide=(1, 2))
    first.update(second)
    assert first.met == {levels.BYTES: (0, 9), levels.SIXTEEN_BITS: (1, 2)}
    assert not first.is_complete(levels.BYTES)
    first.add(levels.BYTES, 9, 255)
    assert first.is_complete(levels.BYTES)


def test_sixteen_bits_are_rounded_to_the_nearest_byte():
    every = np.arange(65536)
    assert (levels.scale_to_bytes(every, levels.SIXTEEN_BITS) == (every * 255 + 32767) // 65535).all()


def test_a_long_array_is_measured_whole():
    array = np.zeros(levels.CHUNK * 2 + 3, np.float32)
    array[-1], array[levels.CHUNK] = 7, -2
    assert levels.level_range(array) == (-2, 7)
    array[5] = np.nan
    assert all(np.isnan(levels.level_range(array)))
    assert levels.level_range(np.array([True, False])) == (0, 1)


def test_a_set_is_dark_below_a_quarter_of_its_range():
    assert levels.is_dark([((0, 255), (0, 63))])
    assert not levels.is_dark([((0, 255), (0, 64))])
    assert levels.is_dark([((-1, 1), (-1, -0.6))])
    assert not levels.is_dark([((0, 255), (0, 1)), ((0, 65535), (0, 65535))])
