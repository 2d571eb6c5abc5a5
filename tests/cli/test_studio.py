import importlib.util

import pytest

from ganvas.cli import studio as room


def test_a_folder_that_is_not_there_is_refused(refused, tmp_path):
    assert refused("studio", tmp_path / "none") == f"there is no folder {tmp_path / 'none'}"


@pytest.mark.parametrize("port", ["-1", "70000", "x"])
def test_a_port_that_is_none_is_refused(refused, tmp_path, port):
    assert "--port" in refused("studio", tmp_path, "--port", port)


def test_other_machines_are_let_in_with_a_token_alone(refused, tmp_path):
    assert "give --token" in refused("studio", tmp_path, "--host", "0.0.0.0")


def test_without_the_extra_one_line_says_what_to_install(refused, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(room, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    assert refused("studio", tmp_path) == "the studio needs uvicorn, not installed here: pip install 'ganvas[studio]'"
