"""A comparison in words, as markdown and as a page: every fact there, and nothing of a name becomes code."""

import copy
import re
from html.parser import HTMLParser

import pytest

from ganvas.experiments import worth_page

HOSTILE = "<script>alert(1)</script>"


def row(name, words, value, failed=()):
    figures = {"value": value, "low": value - 0.02, "high": value + 0.01} if value is not None else None
    figures = figures or {"value": None, "low": None, "high": None}
    by_seed = [None if place in failed else 0.9 for place in range(3)]
    told = [{"seed": place, "why": "a loss is not a number"} for place in failed]
    return {
        "row": name,
        "name": words,
        "accuracy": figures,
        "rare_recall": figures,
        "by_seed": by_seed,
        "failed": told,
    }


def size(share, images, trained, rows, gains=()):
    return {
        "share": share,
        "images": images,
        "rows": rows,
        "shown": 12_800,
        "generated": 5_400,
        "trained": trained,
        "note": "the generator saw the whole set: no verdict" if share == 1 else "",
        "decides": share != 1,
        "comparisons": [],
        "gains": list(gains),
    }


@pytest.fixture
def card():
    gain = {"of": "c", "against": "a", "value": 0.05, "low": 0.03, "high": 0.07, "p": 0.001, "p_useless": 1.0}
    pairs = [[row("a", "real only", 0.85), row("c", "real + generated", 0.9)] for _ in range(2)]
    return copy.deepcopy(
        {
            "format": 1,
            "ganvas": "0.1.0",
            "name": "pets",
            "verdict": {"answer": "yes", "sentence": "Yes: with 1 % of the training images (600), +5.0 points."},
            "sizes": [
                size(1.0, 60_000, None, pairs[0]),
                size(0.01, 600, 64_000, pairs[1], [{**gain, "p_holm": 0.004}]),
            ],
            "set": {"name": "pets", "fingerprint": "abc", "train": 60_000, "tested": 10_000, "classes": ["cat", "dog"]},
            "generator": {"recipe": "modern", "images": 500_000},
            "rare": {"balanced": False, "classes": ["dog"], "train": [120]},
            "protocol": {
                "quick": False,
                "minutes": 15.0,
                "seeds": [0, 1, 2],
                "batch": 128,
                "augmentation": "turned",
                "margin": 0.005,
                "without_held_out": [],
            },
            "cost": {
                "fits": 12,
                "images_shown_to_classifiers": 153_600,
                "trainings": 3,
                "images_shown_to_generators": 192_000,
                "seconds": 801.2,
            },
        }
    )


def test_lines_say_every_row_and_the_verdict_last(card):
    lines = list(worth_page.lines(card))
    assert lines[0].startswith("100 % of the training images, 60,000 (the generator saw the whole set): 12,800")
    assert lines[0].endswith("5,400 drawn by the run's own generator")
    assert lines[3].endswith("5,400 drawn by a generator trained anew on these with 64,000 images shown")
    assert lines[4] == (
        "1 %, real only: accuracy 85.0 % (83.0 to 86.0); recall of the rarest (dog) 85.0 % (83.0 to 86.0)"
    )
    assert lines[-1] == card["verdict"]["sentence"]
    assert len(lines) == 7


def test_a_balanced_set_tells_its_lowest_recall(card):
    card["rare"] = {"balanced": True, "classes": ["cat", "dog"], "train": [1, 1]}
    assert "; lowest recall of a class 85.0 %" in list(worth_page.lines(card))[4]
    assert "the lowest recall is told" in worth_page.markdown(card)


def test_a_failed_fit_is_named_with_its_reason_everywhere(card):
    card["sizes"][1]["rows"][1] = row("c", "real + generated", None, failed=[1])
    line = "failed: 1 %, real + generated, seed 1: a loss is not a number"
    lines = list(worth_page.lines(card))
    assert line in lines
    assert "1 %, real + generated: no figures, since only 2 of 3 fits could be done" in lines
    assert "What failed" in worth_page.markdown(card)
    assert line in worth_page.html(card)
    assert "90.0, failed, 90.0" in worth_page.html(card)


def test_one_seed_has_no_interval(card):
    for entry in card["sizes"][1]["rows"]:
        entry["accuracy"] = {"value": 0.85, "low": None, "high": None}
    assert "accuracy 85.0 %;" in list(worth_page.lines(card))[4]
    assert worth_page.html(card)


def test_markdown_has_a_table_a_size_and_the_budgets(card):
    text = worth_page.markdown(card)
    assert text.startswith("# Are images of pets worth learning from?\n\n**Yes: with 1 % of")
    assert text.count("| learned from |") == 2
    assert "12 fits with 153,600 images shown, 3 trainings with 192,000; they took 801 s." in text
    assert "+5.0 points (+3.0 to +7.0) | 0.004 |" in text


class Tags(HTMLParser):
    """Every tag of a page, and whether each was closed."""

    def __init__(self):
        super().__init__()
        self.seen, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in ("meta", "img", "rect", "line", "circle") or not attributes:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("verdict", ["yes", "no", "unknown"])
def test_a_page_is_whole_and_fetches_nothing(card, verdict):
    card["verdict"]["answer"] = verdict
    page = worth_page.html(card)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.seen.count("circle") == 4
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_names_that_are_code_are_shown_and_never_run(card):
    card["name"] = card["set"]["name"] = HOSTILE
    card["rare"]["classes"] = [HOSTILE]
    card["protocol"]["without_held_out"] = [HOSTILE]
    card["sizes"][1]["rows"][1] = row("c", "real + generated", None, failed=[1])
    card["sizes"][1]["rows"][1]["failed"][0]["why"] = HOSTILE
    page, text = worth_page.html(card), worth_page.markdown(card)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5
    assert not re.search(r"(?<!\\)<script", text)
    assert "\\<script\\>" in text


def test_a_dot_lies_where_its_accuracy_is(card):
    card["sizes"][0]["rows"][0]["accuracy"] = {"value": 0.0, "low": 0.0, "high": 0.0}
    places = [float(found) for found in re.findall(r'cx="([\d.]+)"', worth_page.chart(card))]
    left, right = worth_page.LEFT, worth_page.WIDTH - worth_page.RIGHT
    assert places == pytest.approx([left + share * (right - left) for share in (0.0, 0.9, 0.85, 0.9)], abs=0.1)
