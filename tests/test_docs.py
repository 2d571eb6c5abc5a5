"""Every command that the documents show runs, in their order, in an empty folder, with smaller budgets."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas import cli
from ganvas.api.train import train
from ganvas.experiments import budget
from ganvas.experiments.journal import TrialLine

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# The notebook and the changelog name options of the day that they tell of.
LOGS = ("notebook.md", "CHANGELOG.md")
BUDGETS = ("--minutes", "--images", "--epochs", "--more-minutes", "--more-images")
# These make a run of seconds; a flag that the document itself gives is left as it is.
SMALLER = {
    "--threads": "1",
    "--precision": "float32",
    "--memory-format": "contiguous",
    "--training.log_every": "8",
}
NARROW = {"--pair.hidden": "8", "--pair.width": "4"}


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def commands(document: Path, program: str) -> list[list[str]]:
    lines = [line for block in blocks(document, "sh") for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in lines]
    return [words for words in found if words and words[0] == program]


def shortened(words: list[str]) -> list[str]:
    """A command with a budget of two steps and with fixed compute settings."""
    if words[:2] == ["ganvas", "study"]:
        return [*words[:3], "./mnist", *words[4:]]
    if words[:2] == ["ganvas", "worth"]:
        return [*words, "--minutes", "4"]
    if words[:2] != ["ganvas", "train"]:
        return words
    given = [position for position, word in enumerate(words) if word in BUDGETS]
    budget_words = {position + offset for position in given for offset in (0, 1)}
    short = [word for position, word in enumerate(words) if position not in budget_words]
    budget_flag = "--more-images" if any(words[position].startswith("--more") for position in given) else "--images"
    narrow = "--pair.hidden" if {"book-gan", "book-conditional"} & set(words) else "--pair.width"
    for flag, value in {**SMALLER, narrow: NARROW[narrow], budget_flag: "16"}.items():
        if flag not in short:
            short += [flag, value]
    return short


def made_up(work, tasks):
    """Yields invented figures for the trials of a study; trains those of `worth`, in this process."""
    (experiment,) = work.args
    for variant, trial in tasks:
        if experiment.name == "worth":
            yield work((variant, trial))
        else:
            figures = {measure.name: 1.0 + trial.seed + len(variant.name) for measure in experiment.measures}
            yield TrialLine(row=variant.name, seed=trial.seed, figures=figures, seconds=1.0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with all that the documents name: labelled images, CelebA's layout, MNIST's files. Fits are short."""
    monkeypatch.chdir(tmp_path)
    for module in ("evaluator", "labels"):
        monkeypatch.setattr(f"ganvas.evaluation.{module}.fit_images", lambda count, size: 512)
    rates = budget.Rates(fitting=50.0, training=50.0)  # of a slow machine, so that the plan of `worth` is short
    monkeypatch.setattr(budget, "measured_rates", lambda *_: rates)
    monkeypatch.setattr(budget, "at_once", lambda fits: 1)
    for name in ("FEWEST_SHOWN", "FEWEST_TRAINED"):
        monkeypatch.setattr(budget, name, 1)
    monkeypatch.setattr(budget, "SECONDS_TO_START", 0.0)
    monkeypatch.setattr("ganvas.experiments.trials.in_processes", made_up)
    for module in ("onnx", "web", "hub"):  # PyTorch's exporter takes seconds, and is tested elsewhere
        monkeypatch.setattr(f"ganvas.export.{module}.to_onnx", lambda run: b"onnx")
    monkeypatch.setattr("ganvas.export.onnx.to_fidelity", lambda run: b"onnx")
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for index in range(24):
            pixels = random.integers(0, 255, (20, 20, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / label / f"{index}.png")
    (tmp_path / "mnist").mkdir()
    for part, count in (("train", 60), ("t10k", 140)):
        for name, kind, shape in (("images-idx3", 3, (count, 28, 28)), ("labels-idx1", 1, (count,))):
            head = bytes((0, 0, 8, kind)) + b"".join(side.to_bytes(4, "big") for side in shape)
            values = random.integers(0, 255, shape, np.uint8) if kind == 3 else np.arange(count, dtype=np.uint8) % 10
            (tmp_path / "mnist" / f"{part}-{name}-ubyte").write_bytes(head + values.tobytes())
    portraits = tmp_path / "celeba" / "img_align_celeba"
    portraits.mkdir(parents=True)
    names = [f"{index:06d}.jpg" for index in range(1, 13)]
    for name in names:
        Image.fromarray(random.integers(0, 255, (218, 178, 3), np.uint8)).save(portraits / name)
    table = [str(len(names)), "Smiling Young", *(f"{name} {'1' if k % 2 else '-1'} 1" for k, name in enumerate(names))]
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("\n".join(table) + "\n")
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
@pytest.mark.timeout(300)
def test_every_command_runs_in_its_order(document, folder, capsys):
    for words in commands(document, "ganvas"):
        status = cli.run(shortened(words)[1:])
        assert status == 0, f"{shlex.join(words)}: {capsys.readouterr().err}"


@pytest.mark.parametrize(
    "document", [path for path in [*DOCUMENTS, ROOT / "CONTRIBUTING.md"] if path.name not in LOGS], ids=lambda p: p.name
)
def test_every_option_of_a_part_that_is_named_exists(document, capsys):
    assert cli.run(["list", "options"]) == 0
    known = set(re.findall(r"^option (--[a-z0-9.-]+)", capsys.readouterr().out, re.MULTILINE))
    named = re.findall(r"--[a-z]+\.[a-z0-9_-]+", document.read_text("utf-8"))
    assert {name.replace("_", "-") for name in named} <= known


def test_the_documents_show_commands():
    assert len(commands(ROOT / "README.md", "ganvas")) >= 4
    assert len(commands(ROOT / "docs" / "chapters.md", "ganvas")) >= 20


def test_every_make_target_exists():
    for document in [*DOCUMENTS, ROOT / "CONTRIBUTING.md"]:
        targets = {words[1] for words in commands(document, "make")}
        targets |= set(re.findall(r"`make ([a-z][a-z-]*)`", document.read_text("utf-8")))
        for target in targets:
            done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_every_extra_that_is_named_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for document in DOCUMENTS:
        named = re.findall(r"'(?:\.|ganvas)\[([a-z,]+)\]'", document.read_text("utf-8"))
        assert {extra for each in named for extra in each.split(",")} <= set(extras)


def train_briefly(source, **options):
    """`ganvas.train` with a budget of two steps and with fixed compute settings."""
    budget = "more_images" if any(name.startswith("more_") for name in options) else "images"
    others = {name: value for name, value in options.items() if f"--{name.replace('_', '-')}" not in BUDGETS}
    small = {"threads": 1, "precision": "float32", "memory_format": "contiguous", "pair": {"width": 4}}
    return train(source, **{**small, "training": {"log_every": 8}, **others, budget: 16})


@pytest.mark.parametrize("document", [ROOT / "README.md", ROOT / "docs" / "python.md"], ids=lambda path: path.name)
def test_the_python_runs_in_its_order(document, folder, monkeypatch):
    monkeypatch.setattr(ganvas, "train", train_briefly, raising=False)
    ganvas.prepare("images").images.save("theirs.npz")
    names: dict[str, object] = {}
    snippets = blocks(document, "python")
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, document.name, "exec"), names)
    assert names["images"].shape == (3, 3, 20, 20)
    assert names["run"].classes == ("cat", "dog")


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda p: p.name
)
def test_every_image_and_page_that_is_linked_is_there(document):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_table_has_a_line_for_each_row(document):
    lines = document.read_text("utf-8").splitlines()
    ruled = [number for number, line in enumerate(lines) if re.search(r"\|:?-{2,}:?\|", line)]
    for number in ruled:
        assert re.fullmatch(r"\|(:?-+:?\|)+", lines[number].replace(" ", "")), lines[number]
        columns = lines[number].count("|")
        assert [lines[number + row].count("|") for row in (-1, 1)] == [columns] * 2, lines[number - 1 : number + 2]


def test_the_answers_of_the_studies_have_their_place_in_the_readme():
    """`benchmarks/studies.py` writes them between these two lines."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    first, last = lines.index("<!-- verdicts -->"), lines.index("<!-- /verdicts -->")
    assert all(line.startswith("| ") or line == "|---|---|---|" for line in lines[first + 1 : last])
    assert last - first > 5


def test_images_in_the_documents_are_all_shown_somewhere():
    shown = "".join(document.read_text("utf-8") for document in DOCUMENTS)
    assert not [path.name for path in (ROOT / "docs" / "images").glob("*") if path.name not in shown]
