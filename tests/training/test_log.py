import json

import pytest

from ganvas.training.log import Log


def steps(path):
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    log = Log(tmp_path / "log.jsonl", 0)
    for step in range(1, 6):
        log.write({"step": step, "loss_d": step / 7})
    log.sync()
    log.close()
    return tmp_path / "log.jsonl"


def test_every_record_is_a_line(path):
    assert steps(path) == [1, 2, 3, 4, 5]
    assert json.loads(path.read_text().splitlines()[2]) == {"step": 3, "loss_d": 3 / 7}


def test_opened_at_a_step_what_is_later_is_dropped(path):
    log = Log(path, 3)
    log.write({"step": 4})
    log.close()
    assert steps(path) == [1, 2, 3, 4]


@pytest.mark.parametrize("kept", range(1, 24))
def test_wherever_the_last_line_was_cut_there_is_no_step_twice_and_none_missing(path, kept):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:kept])
    log = Log(path, 4)
    log.write({"step": 5})
    log.close()
    assert steps(path) == [1, 2, 3, 4, 5]


def test_a_line_of_rubbish_is_dropped(path):
    path.write_bytes(path.read_bytes() + b'\xff\xfe\x00\n[1]\n"x"\n{"step": "6"}\n{}\n')
    Log(path, 9).close()
    assert steps(path) == [1, 2, 3, 4, 5]


def test_opened_at_its_start_it_is_empty(path):
    Log(path, 0).close()
    assert path.read_text() == ""
    assert [p.name for p in path.parent.iterdir()] == ["log.jsonl"]


def test_a_record_can_be_read_before_the_log_is_closed(path):
    log = Log(path, 5)
    log.write({"step": 6})
    assert steps(path)[-1] == 6
    log.close()
