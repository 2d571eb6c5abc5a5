import re

import pytest

from ganvas.errors import UserError
from ganvas.training import autotune
from ganvas.training.dry_run import print_dry_run
from ganvas.training.run import TrainRequest


@pytest.fixture
def said(monkeypatch, capsys, tiny_source, small, tmp_path):
    monkeypatch.setattr(autotune, "SECONDS_FOR_A_RATE", 0.01)
    monkeypatch.chdir(tmp_path)

    def lines(recipe="modern", **above):
        capsys.readouterr()
        print_dry_run(TrainRequest(str(tiny_source), recipe, small(recipe, **above)), None)
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.mark.parametrize("recipe", ["modern", "book-classifier", "book-conditional"])
def test_it_prints_configuration_networks_memory_and_time_and_writes_nothing(said, tmp_path, recipe):
    lines = said(recipe)
    text = "\n".join(lines)
    for wanted in (
        "training.batch 8",
        "pair.kind",
        f"folder runs/patterns-{recipe}-s0",
        r"images \d+ of 1 x 16 x 16",
        r"\d+ parameters",
        r"rate \d+ images/s",
        r"time about .* for 160 images",
    ):
        assert re.search(wanted, text), wanted
    assert any("receptive field" in line for line in lines) == (recipe != "book-conditional")
    assert list(tmp_path.iterdir()) == []


def test_minutes_become_images(said, monkeypatch):
    monkeypatch.setattr(autotune, "images_per_second", lambda *_: 10.0)
    assert "time about 30 s for 304 images" in said(training={"minutes": 0.5})  # 300, in whole batches


def test_a_mistake_is_refused_as_training_refuses_it(said):
    with pytest.raises(UserError, match=r"there is no --pair\.widht"):
        said(pair={"widht": 3})
