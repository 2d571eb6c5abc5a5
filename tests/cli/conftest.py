"""What the commands' tests share: a command that must succeed, and one that must be refused in one sentence."""

from collections.abc import Callable

import pytest

from ganvas import cli


@pytest.fixture
def refused(capsys) -> Callable[..., str]:
    """refused("train", "digits", "--size", "7") -> the one sentence, of status 2."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        assert cli.run([str(argument) for argument in arguments]) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert error.startswith("ganvas: ")
        assert error.count("\n") == 1
        return error.removeprefix("ganvas: ").rstrip("\n")

    return run


@pytest.fixture
def lines(capsys) -> Callable[..., list[str]]:
    """lines("list", "recipes") -> what a command that succeeds says, line by line."""

    def run(*arguments: object) -> list[str]:
        capsys.readouterr()
        assert cli.run([str(argument) for argument in arguments]) == 0
        out, error = capsys.readouterr()
        assert error == ""
        return out.splitlines()

    return run
