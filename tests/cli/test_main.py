"""The command line as a whole: which sentence answers which mistake, and how help is shown."""

import subprocess
import sys

import pytest

import ganvas
from ganvas import cli
from ganvas.errors import InterruptedRunError, RunFailedError, UserError


def test_alone_it_shows_its_help(capsys):
    assert cli.run([]) == cli.run(["--help"]) == 0
    alone, helped = capsys.readouterr().out.split("Usage: ")[1:]
    assert alone == helped


def test_the_version_is_the_packages(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"{ganvas.__version__}\n"


@pytest.mark.parametrize("command", [[], ["train"], ["sample"], ["list"], ["data"]])
def test_help_in_a_pipe_has_no_boxes_and_wraps_nothing(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    assert cli.run([*command, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(" ".join(["Usage: ganvas", *command]))
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) > 60
    # Whatever stands under a heading begins with a name and a colon: no line is the rest of another.
    assert all(": " in line for line in text.splitlines() if line.startswith("  "))


def test_the_commands_stand_in_their_working_order(capsys):
    cli.run(["--help"])
    text = capsys.readouterr().out
    order = ["data", "train", "sample", "evaluate", "compare", "worth", "export", "study", "studio", "list"]
    assert [line.split(":")[0].strip() for line in text.splitlines() if line.startswith("  ")][: len(order)] == order


def test_every_flag_of_train_and_sample_is_explained(capsys):
    for command in ("train", "sample"):
        cli.run([command, "--help"])
        flags = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  --")]
        assert len(flags) > 5
        assert all(len(line.partition(": ")[2]) > 5 for line in flags)


@pytest.mark.parametrize("command", [[], *([name] for name in cli.COMMANDS)])
def test_help_is_there_at_once_without_torch(command):
    typed = [*command, "--help"]
    program = f"import sys; from ganvas import cli; cli.run({typed}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("False\n")


def test_the_flags_of_train_stand_under_headings_in_their_order(capsys):
    cli.run(["train", "--help"])
    lines = capsys.readouterr().out.splitlines()
    headings = [line.rstrip(":") for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Arguments", *cli.GROUPS[1:]]
    assert "  --batch N: Batch size, over all processes together." in lines


def test_an_unknown_command_gets_the_nearest(refused):
    named = ", ".join(sorted(cli.COMMANDS))
    assert refused("trian") == f"there is no command 'trian'; did you mean train? Allowed: {named}"
    assert "did you mean sample?" in refused("sampel", "runs/x")


def test_an_option_is_no_command(refused):
    assert refused("--halp").startswith("there is no command '--halp'")


@pytest.mark.parametrize(("command", "what"), [("train", "SOURCE"), ("sample", "RUN"), ("data", "SOURCE")])
def test_what_is_missing_is_named_with_where_to_look(refused, command, what):
    assert refused(command) == f"ganvas {command} needs {what}; see ganvas {command} --help"


@pytest.mark.parametrize("command", ["train", "sample", "list"])
def test_one_word_too_many_is_named(refused, command):
    first = {"train": "digits", "sample": "run", "list": "recipes"}[command]
    assert refused(command, first, "extra") == f"ganvas {command} has no use for extra; see ganvas {command} --help"


def test_a_flag_given_twice_is_named(refused):
    assert refused("sample", "run", "--seed", "1", "--seed", "2") == "--seed was given twice"
    assert refused("train", "digits", "--pair.width", "8", "--pair.width", "9") == "--pair.width was given twice"


def test_a_flag_without_its_value_is_named(refused):
    assert refused("train", "digits", "--out") == "--out needs a value"
    assert refused("sample", "run", "--between", "cat") == "--between needs 2 values"


def test_an_unknown_option_gets_the_nearest(refused):
    assert "there is no --lable; did you mean --label?" in refused("sample", "run", "--lable", "3")


@pytest.mark.parametrize(
    ("error", "status"),
    [(UserError("no"), 2), (RunFailedError("no"), 1)],
)
def test_a_failure_has_its_status_and_its_sentence(error, status, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert cli.run(["list"]) == status
    assert capsys.readouterr().err == "ganvas: no\n"


@pytest.mark.parametrize(("number", "status"), [(2, 130), (15, 143)])
def test_an_interrupted_run_reports_that_the_same_command_resumes_it(number, status, monkeypatch, capsys):
    def fail(*_):
        raise InterruptedRunError("stopped after 64 images, and saved", number)

    monkeypatch.setattr(cli, "app", fail)
    assert cli.run(["train", "my images", "--images", "128"]) == status
    message = "stopped after 64 images, and saved; the same command resumes: ganvas train 'my images' --images 128"
    assert capsys.readouterr().err == f"ganvas: {message}\n"


def test_ctrl_c_before_a_run_began_is_no_traceback(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ganvas.api.prepare.open_source", interrupted)
    assert cli.run(["data", "digits"]) == 130
    assert capsys.readouterr().err == "ganvas: interrupted\n"
