"""`ganvas compare` as it is typed, with scorecards written by hand."""

import pytest
from PIL import Image

from ganvas.evaluation.scorecard import Distance, Distances, LabelScores, Origin, ProtocolRecord, Scorecard

PROTOCOL = {
    "features": "evaluator@01234567",
    "label_free": "random@89abcdef",
    "n": 60,
    "reference": "9 held-out images of pets",
    "fingerprint": "abc",
    "split": "the set's own",
    "size": 16,
    "channels": 1,
    "quick": True,
    "seed": 0,
}


@pytest.fixture
def scorecard(tmp_path, monkeypatch):
    """scorecard("one", 0.9, n=90) writes one/scorecard.json of that label accuracy, and a sheet of samples."""
    monkeypatch.chdir(tmp_path)

    def write(name, accuracy, **protocol):
        (tmp_path / name).mkdir()
        labels = LabelScores(asked=True, accuracy=accuracy, low=accuracy - 0.01, high=accuracy + 0.01, real_accuracy=1)
        frechet = Distance(name="FCD", value=9 - accuracy, low=8.9 - accuracy, high=9.1 - accuracy, floor=1, n=60)
        card = Scorecard(
            ganvas="0.1.0",
            name=name,
            images=Origin(),
            classes=("cat", "dog"),
            protocol=ProtocolRecord(**(PROTOCOL | protocol)),
            labels=labels,
            statistics={},
            distances={"evaluator": Distances(frechet=frechet), "random": Distances()},
            per_class=(),
        )
        (tmp_path / name / "scorecard.json").write_text(card.to_json())
        Image.new("L", (8, 8)).save(tmp_path / name / "scorecard.png")

    return write


def test_the_verdict_is_first_and_each_metric_has_a_line(scorecard, lines):
    scorecard("one", 0.5)
    scorecard("two", 0.9)
    output = lines("compare", "one", "two/scorecard.json")
    assert output[0] == "two is the better one."
    assert "label accuracy: one 50.0 % (49.0 to 51.0), two 90.0 % (89.0 to 91.0) ★; real images 100.0 %" in output


def test_a_comparison_is_written_with_its_images_beside_it(scorecard, lines, tmp_path):
    scorecard("one", 0.5)
    scorecard("two", 0.9)
    assert lines("compare", "one", "two", "--out", "both")[-1] == "comparison both/compare.html"
    assert (tmp_path / "both" / "compare.html").read_text().count("<img") == 2
    text = (tmp_path / "both" / "compare.md").read_text()
    assert "**two is the better one.**" in text
    for name in ("compare-1.png", "compare-2.png"):
        assert f"]({name}" in text
        assert (tmp_path / "both" / name).is_file()


def test_other_protocols_are_refused(scorecard, refused):
    scorecard("one", 0.5)
    scorecard("two", 0.9, n=90)
    assert "number of images (60 and 90)" in refused("compare", "one", "two")


def test_a_scorecard_of_an_earlier_format_is_refused(scorecard, refused, tmp_path):
    scorecard("one", 0.5)
    scorecard("two", 0.9)
    file = tmp_path / "one" / "scorecard.json"
    file.write_text(file.read_text().replace('"format": 3', '"format": 2'))
    assert refused("compare", "one", "two").startswith("one/scorecard.json is not a scorecard of format 3")


def test_an_output_folder_that_is_a_file_is_refused(scorecard, refused, tmp_path):
    scorecard("one", 0.5)
    scorecard("two", 0.9)
    (tmp_path / "file").write_text("x")
    assert refused("compare", "one", "two", "--out", "file") == "--out file is a file; give a folder"


def test_comparing_needs_two_scorecards(own_run, refused, tmp_path):
    assert "needs two scorecards or more" in refused("compare", own_run.path)
    assert f"has not been scored yet: ganvas evaluate {own_run.path}" in refused("compare", own_run.path, own_run.path)
    assert "there is no scorecard at" in refused("compare", "none", "neither")


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"format": 1, "protocol": {}}', '{"format": 2, "protocol": {}}'])
def test_other_files_than_scorecards_are_refused(refused, tmp_path, content):
    (tmp_path / "scorecard.json").write_text(content)
    output = refused("compare", tmp_path, tmp_path)
    assert "scorecard" in output
