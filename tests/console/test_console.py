import io
import subprocess
import sys

import pytest

from ganvas import console


def run_python(program, **how):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, **how)


def test_a_line_is_written_as_it_is_however_long(capsys):
    line = "/data/" + "very long " * 100
    console.info(line)
    assert capsys.readouterr().out == line + "\n"


def test_markup_in_a_name_means_nothing(capsys):
    console.info("class [bold red]cat[/] :smile:")
    assert capsys.readouterr().out == "class [bold red]cat[/] :smile:\n"


def test_a_mistake_goes_to_stderr_alone(capsys):
    console.error("no such source")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "no such source\n")


@pytest.mark.parametrize(
    "hostile", ["a\x1b[31mb", "a\nb", "a\rb", "a\x9b2Jb", "a\u202eb", "a\u2028b", "a\x00b", "a\udc80b"]
)
def test_control_characters_are_shown_and_not_obeyed(hostile):
    text = console.printable(hostile)
    assert text.isprintable()
    assert text.startswith("a\\")
    assert text.endswith("b")


@pytest.mark.parametrize("name", ["café", "고양이", "\u3000全角", "👩\u200d🚀", "x²"])
def test_names_in_any_script_stay_as_they_are(name):
    assert console.printable(name) == name


def test_what_the_encoding_lacks_becomes_an_escape(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    console.info("고양이")
    assert stream.buffer.getvalue() == b"\\uace0\\uc591\\uc774\n"


def test_a_file_name_that_is_not_text_can_be_printed():
    done = run_python("from ganvas import console; import os; console.info(os.fsdecode(b'caf\\xe9.png'))")
    assert done.stdout == b"caf\\udce9.png\n"
    assert done.returncode == 0


def test_a_reader_that_leaves_stops_nothing_and_leaves_no_traceback():
    program = "from ganvas import console\nfor i in range(20000): console.info(f'line {i}')\nconsole.error('finished')"
    whole = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert whole.stdout.readline() == b"line 0\n"
    whole.stdout.close()
    errors = whole.stderr.read()
    whole.stderr.close()
    assert whole.wait(60) == 0
    assert errors == b"finished\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (216, "3 min 36 s"),
        (7500, "2 h 05 min"),
        (360_000, "4 d 4 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds, words):
    assert console.duration(seconds) == words
