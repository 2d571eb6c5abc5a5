"""A study as a page and as images: every fact there, and nothing of a name becomes code."""

import numpy as np
import pytest

from ganvas.experiments import charts, page
from ganvas.images import decode

HOSTILE = "<script>alert(1)</script>"


def opened(path):
    return decode(path.read_bytes()).image


def figures(value, spread=1.0):
    return {"value": value, "low": value - spread, "high": value + spread, "by_seed": [value, None, value + spread / 2]}


def row(name, x=None, line="", **found):
    return {"name": name, "x": x, "line": line, "figures": found}


def card_of(rows, failed=()):
    measures = [
        {"name": "fcd", "title": "FCD", "better": "lower", "scale": "ratio", "digits": 2},
        {"name": "share", "title": "a share", "better": "higher", "scale": "points", "digits": 3},
        {"name": "nowhere", "title": "nowhere", "better": "higher", "scale": "points", "digits": 3},
    ]
    told = {"measure": "fcd", "of": ["b"], "against": ["a"], "verdict": "yes", "p_holm": 0.012}
    return {
        "name": "which",
        "claim": f"b is better {HOSTILE}",
        "limits": ["short trainings."],
        "axis": "images in a batch",
        "measures": measures,
        "asked": {"set": "patterns", "seeds": 3, "seconds": 20.0},
        "made": {"machine": "Linux, 2 cores", "torch": "2.13.0+cpu"},
        "trials": 6,
        "done": 6 - len(failed),
        "processor_seconds": 90,
        "answer": "b is better: FCD 0.50 times.",
        "in_short": "b is better.",
        "verdict": "yes",
        "rows": rows,
        "comparisons": [{**told, "sentence": "b is better: FCD 0.50 times"}],
        "failed": list(failed),
    }


@pytest.fixture
def card():
    return card_of([row("a", fcd=figures(10), share=figures(0.5, 0.1)), row("b", fcd=figures(5))])


def test_it_is_said_a_fact_a_line_and_the_answer_last(card):
    assert list(page.lines(card)) == [
        "a: FCD 10.00 (9.00 to 11.00); a share 0.500 (0.400 to 0.600)",
        "b: FCD 5.00 (4.00 to 6.00); a share –",
        "b is better: FCD 0.50 times (p 0.012 after Holm)",
        "b is better: FCD 0.50 times.",
    ]


def test_the_page_opens_with_the_answer_and_ends_with_the_command(card):
    text = page.markdown(card, strips=True)
    assert text.index("**b is better: FCD 0.50 times.**") < text.index("![which](chart.png)") < text.index("## Figures")
    assert "![Generated images, a strip a row](images.png)" in text
    assert "images.png" not in page.markdown(card, strips=False)
    assert "1.5 minutes of processor time" in text
    assert text.rstrip().endswith("```sh\nganvas study which ./patterns --seeds 3 --budget 20\n```")
    assert "nowhere" not in text


def test_on_digits_the_command_names_them(card):
    card["asked"]["set"] = "digits"
    assert page.command(card) == "ganvas study which digits --seeds 3 --budget 20"


def test_failures_are_shown_and_so_is_what_is_not_done():
    failed = [{"row": "b", "seed": 2, "why": "a loss is not a number"}]
    card = card_of([row("a", fcd=figures(10)), row("b", fcd={**figures(5), "low": None, "high": None})], failed)
    text = page.markdown(card, strips=False)
    assert "- failed: b, seed 2: a loss is not a number" in text
    assert "(5 of 6 trials are done.)" in text
    assert "| b | 5.00 |" in text
    assert "failed: b, seed 2: a loss is not a number" in list(page.lines(card))


def test_the_one_file_holds_its_images_and_escapes_what_it_is_told(card, tmp_path):
    charts.chart(card, tmp_path / "chart.png")
    shown = page.html(card, (tmp_path / "chart.png").read_bytes(), None)
    assert HOSTILE not in shown
    assert shown.count("data:image/png;base64,") == 1
    assert "&lt;script&gt;" in shown


def test_the_table_of_verdicts_has_a_line_a_study_and_links_its_page(card):
    table = page.verdicts([card, {**card, "name": "other", "verdict": "unknown"}], "docs/studies/").splitlines()
    assert len(table) == 4
    assert table[2].startswith("| [which](docs/studies/which/README.md) |")
    assert "| yes | b is better: FCD 0.50 times. |" in table[2]
    assert page.verdicts([card], "", figures=False).splitlines()[2].endswith("| yes | b is better. |")
    assert "| cannot tell |" in table[3]


def test_rows_become_dots_and_points_become_lines(card, tmp_path):
    charts.chart(card, tmp_path / "dots.png")
    points = [row(f"{name} {x}", float(x), name, fcd=figures(5.0 + x)) for name in ("one", "two") for x in (1, 4, 16)]
    points.append(row("missing", 64.0, "one"))
    charts.chart(card_of(points), tmp_path / "lines.png")
    sizes = [opened(tmp_path / f"{name}.png").size for name in ("dots", "lines")]
    assert all(min(size) > 200 for size in sizes)
    assert sizes[0] != sizes[1]
    assert all(np.asarray(opened(tmp_path / f"{name}.png")).std() > 5 for name in ("dots", "lines"))


def test_a_line_of_which_nothing_is_known_yet_is_left_out(tmp_path):
    points = [row("one 1", 1.0, "one", fcd=figures(5.0)), row("two 1", 0.0, "two")]
    charts.chart(card_of(points), tmp_path / "lines.png")
    assert (tmp_path / "lines.png").exists()


@pytest.mark.parametrize("channels", [1, 3])
def test_strips_lie_under_each_other(channels, tmp_path):
    strip = np.full((channels, 20, 362), 128, np.uint8)
    charts.strips({"a": strip}, tmp_path / "one.png")
    charts.strips({"a": strip, "b": strip}, tmp_path / "two.png")
    one, two = (opened(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert one.size[0] == two.size[0]
    assert one.size[1] < two.size[1]
