"""An experiment as a page and as images: every fact there, and nothing of a name becomes code."""

import numpy as np
import pytest

from ganvas.experiments import charts, page
from ganvas.experiments.experiment import Measure
from ganvas.experiments.results import ComparisonResult, ExperimentResults, Failure, Figure, VariantResult
from ganvas.images import decode

HOSTILE = "<script>alert(1)</script>"
MEASURES = (
    Measure("fcd", "FCD"),
    Measure("share", "a share", "higher", "points", 3),
    Measure("accuracy", "accuracy", "higher", "percent", 1),
    Measure("nowhere", "nowhere", "higher", "points", 3),
)


def opened(path):
    return decode(path.read_bytes()).image


def figure(value, spread=1.0):
    by_seed = (value, None, value + spread / 2)
    return Figure(value=value, low=value - spread, high=value + spread, by_seed=by_seed)


def variant(name, x=None, line="", **figures):
    return VariantResult(name=name, x=x, line=line, figures=figures)


def results_of(variants, failures=()):
    sentence = "b is better: FCD 0.50 times"
    compared = ComparisonResult(
        measure="fcd", of=("b",), against=("a",), verdict="yes", sentence=sentence, p_holm=0.012
    )
    return ExperimentResults(
        name="which",
        title="which",
        claim=f"b is better {HOSTILE}",
        limits=("short trainings.",),
        axis="images in a batch",
        measures=MEASURES,
        trials=6,
        done=6 - len(failures),
        answer="b is better: FCD 0.50 times.",
        verdict="yes",
        variants=tuple(variants),
        comparisons=(compared,),
        failures=tuple(failures),
        method=("Set: patterns.",),
        command="ganvas study which ./patterns --seeds 3 --budget 20",
    )


@pytest.fixture
def results():
    return results_of([variant("a", fcd=figure(10), share=figure(0.5, 0.1)), variant("b", fcd=figure(5))])


def test_it_is_printed_a_fact_a_line_and_the_answer_last(results):
    assert list(page.summary_lines(results)) == [
        "a: FCD 10.00 (9.00 to 11.00); a share 0.500 (0.400 to 0.600)",
        "b: FCD 5.00 (4.00 to 6.00); a share –",
        "b is better: FCD 0.50 times (p 0.012 after Holm)",
        "b is better: FCD 0.50 times.",
    ]


def test_a_share_in_per_cent_is_written_so():
    assert page.describe_figure(MEASURES[2], figure(0.912, 0.011)) == "91.2 % (90.1 to 92.3)"
    assert page.describe_figure(MEASURES[2], Figure(value=0.912, by_seed=(0.912,))) == "91.2 %"


def test_the_page_opens_with_the_answer_and_ends_with_the_command(results):
    text = page.markdown(results, has_strips=True)
    assert text.index("**b is better: FCD 0.50 times.**") < text.index("![which](chart.png)") < text.index("## Figures")
    assert "![Generated images, a strip a variant](images.png)" in text
    assert "images.png" not in page.markdown(results, has_strips=False)
    assert "- Set: patterns." in text
    assert text.rstrip().endswith("```sh\nganvas study which ./patterns --seeds 3 --budget 20\n```")
    assert "nowhere" not in text


def test_failures_are_shown_and_so_is_what_is_not_done():
    failed = [Failure(variant="b", seed=2, why=f"a loss is not a number {HOSTILE}")]
    alone = Figure(value=5, by_seed=(5, None, None))
    results = results_of([variant("a", fcd=figure(10)), variant("b", fcd=alone)], failed)
    text = page.markdown(results, has_strips=False)
    assert "- failed: b, seed 2: a loss is not a number \\<script\\>" in text
    assert "(5 of 6 trials are done.)" in text
    assert "| b | 5.00 |" in text
    assert f"failed: b, seed 2: a loss is not a number {HOSTILE}" in list(page.summary_lines(results))


def test_the_page_is_written_as_text_and_as_one_file_that_holds_its_images_and_runs_nothing(results, tmp_path, said):
    strip = np.full((1, 20, 362), 128, np.uint8)
    charts.draw_strips({"a": strip}, tmp_path / "images.png")
    page.write_page(results, tmp_path)
    html = (tmp_path / "study.html").read_text()
    assert HOSTILE not in html
    assert html.count("data:image/png;base64,") == 2
    assert "&lt;script&gt;" in html
    assert (tmp_path / "README.md").read_text() == page.markdown(results, has_strips=True)
    assert said == [f"answer {tmp_path / 'study.html'}"]


def test_the_table_of_verdicts_has_a_line_a_study_and_links_its_page(results):
    other = results.model_copy(update={"name": "other", "verdict": "unknown"})
    table = page.verdicts([results, other], "docs/studies/").splitlines()
    assert len(table) == 4
    assert table[2].startswith("| [which](docs/studies/which/README.md) |")
    assert "| yes | b is better: FCD 0.50 times. |" in table[2]
    assert page.verdicts([results], "", figures=False).splitlines()[2].endswith(f"| {results.claim} | yes |")
    assert "| inconclusive |" in table[3]


def lines_of(names, *more):
    points = [variant(f"{name} {x}", float(x), name, fcd=figure(5.0 + x)) for name in names for x in (1, 4, 16)]
    return results_of([*points, *more])


def test_variants_become_dots_and_points_become_lines(results, tmp_path):
    charts.draw_chart(results, tmp_path / "dots.png")
    charts.draw_chart(lines_of(("one", "two"), variant("missing", 64.0, "one")), tmp_path / "lines.png")
    sizes = [opened(tmp_path / f"{name}.png").size for name in ("dots", "lines")]
    assert all(min(size) > 200 for size in sizes)
    assert sizes[0] != sizes[1]
    assert all(np.asarray(opened(tmp_path / f"{name}.png")).std() > 5 for name in ("dots", "lines"))


@pytest.mark.parametrize("form", ["dots", "lines"])
def test_no_name_is_cut_off_at_the_edge_of_a_chart(form, results, tmp_path):
    long = "a name that is longer than the room that was kept for names"
    dots = results_of([variant(long, fcd=figure(10))])
    charts.draw_chart(dots if form == "dots" else lines_of((long,)), tmp_path / "chart.png")
    pixels = np.asarray(opened(tmp_path / "chart.png").convert("L"))
    assert pixels[:, :5].min() == pixels[:, -5:].min() == 255


def test_a_line_of_which_nothing_is_known_yet_is_left_out(tmp_path):
    points = [variant("one 1", 1.0, "one", fcd=figure(5.0)), variant("two 1", 0.0, "two")]
    charts.draw_chart(results_of(points), tmp_path / "lines.png")
    assert (tmp_path / "lines.png").exists()


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.5, 2_000, [1, 10, 100, 1000]),
        (220, 2_500, [500, 1000, 2000]),
        (160, 620, [200, 300, 400, 500, 600]),
        (7, 9.5, [8]),
        (0.5, 2_000_000, [1, 100, 10_000, 1_000_000]),
    ],
)
def test_a_logarithmic_axis_has_three_round_numbers_where_there_are_three(low, high, ticks):
    assert charts.log_ticks(low, high) == ticks


@pytest.mark.parametrize("channels", [1, 3])
def test_strips_lie_under_each_other(channels, tmp_path):
    strip = np.full((channels, 20, 362), 128, np.uint8)
    charts.draw_strips({"a": strip}, tmp_path / "one.png")
    charts.draw_strips({"a": strip, "b": strip}, tmp_path / "two.png")
    one, two = (opened(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert one.size[0] == two.size[0]
    assert one.size[1] < two.size[1]
