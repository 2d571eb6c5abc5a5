import numpy as np
import pytest

from ganvas.data import duplicates, near_duplicates


def find(pixels: np.ndarray) -> duplicates.DuplicateGroups:
    digests = np.array([(hash(p.tobytes()) % 2**63, 0) for p in pixels], np.uint64)
    return duplicates.find_duplicates(pixels, digests, near_duplicates.perceptual_keys(pixels))


def noise(count: int) -> np.ndarray:
    blocks = np.random.default_rng(1).integers(0, 256, (count, 1, 8, 8), np.uint8)
    return blocks.repeat(4, axis=2).repeat(4, axis=3)


def test_different_images_are_alone():
    found = find(noise(200))
    assert (found.exact == np.arange(200)).all()
    assert (found.near == np.arange(200)).all()


def test_copies_point_to_the_first_of_them():
    pixels = noise(50)
    pixels[[7, 30, 49]] = pixels[3]
    found = find(pixels)
    assert found.exact[[3, 7, 30, 49]].tolist() == [3, 3, 3, 3]
    assert (found.exact != np.arange(50)).sum() == 3


def test_near_duplicates_and_their_copies_are_one_group_but_not_equal():
    pixels = noise(50)
    pixels[10] = pixels[20] = np.clip(pixels[5].astype(int) + 3, 0, 255)
    found = find(pixels)
    assert found.near[[5, 10, 20]].tolist() == [5, 5, 5]
    assert found.exact[[5, 10, 20]].tolist() == [5, 10, 10]


def test_a_thousand_flat_images_of_few_levels_end_soon_in_few_groups():
    pixels = np.arange(1000, dtype=np.int64)[:, None, None, None] % 250
    found = find(np.broadcast_to(pixels, (1000, 1, 16, 16)).astype(np.uint8))
    assert len(np.unique(found.exact)) == 250
    assert len(np.unique(found.near)) < 250


@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_run_links_each_place_with_those_that_follow_in_it(step):
    values = np.array([3, 3, 3, 3, 5, 7, 7, 7], np.uint64)
    order, same = duplicates._runs(values)
    linked = duplicates._linked(same, step)
    expected = [i for i in range(len(values) - step) if values[i] == values[i + step]]
    assert linked.tolist() == expected
    assert order.tolist() == list(range(8))
