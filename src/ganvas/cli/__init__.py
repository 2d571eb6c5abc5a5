"""The command line: parse, call, print. The only door to cyclopts; each command is imported when it is asked for."""

import inspect
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cyclopts import App, Parameter
from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

import ganvas
from ganvas import console
from ganvas.cli.flags import as_typed, explain
from ganvas.errors import UserError, nearest

if TYPE_CHECKING:
    from cyclopts.help.protocols import HelpFormatter
    from rich.console import Console, ConsoleOptions

__all__ = ["Parameter", "app", "flag", "run", "switch"]


def flag(metavar: str, text: str, *names: str) -> Parameter:
    """An option with a value, as help shows it. What the value may be, the schema says."""
    return Parameter(name=names or None, metavar=metavar, help=text)


def switch(text: str) -> Parameter:
    """An option without a value."""
    return Parameter(negative="", show_default=False, help=text)


app = App(
    name="ganvas",
    version=ganvas.__version__,
    help="From a folder of labelled images to a measured, class-conditional image generator.",
    help_epilogue="Begin with: ganvas train digits --minutes 3",
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
)
app.command(
    "ganvas.cli.train:train",
    name="train",
    help="Train a generator on SOURCE, or go on where it stopped.",
    help_epilogue="Every other option is a flag by its full name, such as --pair.width 48: ganvas list options",
)
app.command(
    "ganvas.cli.sample:sample",
    name="sample",
    help="Draw images of the classes you ask for.",
    help_epilogue="For example: ganvas sample runs/digits-modern-s0 --label 3 7 -n 20 --out digits.png",
)
app.command(
    "ganvas.cli.evaluate:evaluate",
    name="evaluate",
    help="Score a run, or any images, against real ones.",
    help_epilogue="For example: ganvas evaluate runs/digits-modern-s0 --quick",
)
app.command(
    "ganvas.cli.compare:compare",
    name="compare",
    help="Put scorecards side by side, and say which is better.",
    help_epilogue="For example: ganvas compare runs/digits-modern-s0 runs/digits-book-conditional-s0",
)
app.command("ganvas.cli.data:data", name="data", help="Prepare SOURCE once, and say what is in it.", help_epilogue="")
app.command(
    "ganvas.cli.list:list_",
    name="list",
    help="Name the recipes, the known sources, your runs, or every option.",
    help_epilogue="",
)
app.command(
    "ganvas.cli.worth:worth",
    name="worth",
    help="Say whether training a classifier with a run's images is worth it.",
    help_epilogue="For example: ganvas worth runs/digits-modern-s0 --quick",
)
app.command(
    "ganvas.cli.study:study",
    name="study",
    help="Ask one of the notes' questions as an experiment.",
    help_epilogue="For example: ganvas study activation digits --quick",
)
COMMANDS = ("compare", "data", "evaluate", "list", "sample", "study", "train", "worth")


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status: 0, or 2 and one sentence for a mistake the reader can mend."""
    if sys.stdout is None:  # closed by the caller: >&-
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    app.help_formatter = None if sys.stdout.isatty() else plain_help()
    try:
        result = app(arguments)
    except CycloptsError as error:
        console.error(f"ganvas: {sentence(error, arguments)}")
        return 2
    except UserError as error:
        console.error(f"ganvas: {as_typed(str(error), arguments)}")
        return error.status
    except OSError as error:  # a name too long, a place that may not be looked at, a full output
        place = f"{str(error.filename)[:200]}: " if error.filename else "the output cannot be written: "
        console.error(f"ganvas: {place}{error.strerror or error}")
        return 2 if error.filename else 1
    except KeyboardInterrupt:
        console.error("ganvas: interrupted")
        return 130
    return result if isinstance(result, int) else 0


def sentence(error: CycloptsError, arguments: Sequence[str]) -> str:
    """What the parser met, in the words of this house."""
    command = " ".join(("ganvas", *(error.command_chain or ())))
    match error:
        case UnknownCommandError():
            return f"there is no command {(error.unused_tokens or ['?'])[0]!r}; {nearest_command(error)}"
        case CoercionError() | MissingArgumentError() if takes_every_name(error):
            return explain(arguments[1:])
        case UnknownOptionError():
            typed = error.token.keyword or error.token.value
            known = [name for argument in error.argument_collection for name in argument.names]
            return f"there is no {typed}; {nearest(typed, [name for name in known if name.startswith('-')])}"
        case MissingArgumentError(argument=argument) if argument is not None and not argument.name.startswith("-"):
            return f"{command} needs {argument.name}; see {command} --help"
        case MissingArgumentError(argument=argument) if argument is not None:
            wanted, _ = argument.token_count()
            return f"{error.keyword or argument.name} needs {'a value' if wanted == 1 else f'{wanted} values'}"
        case RepeatArgumentError():
            return f"{error.token.keyword} was given twice"
        case UnusedCliTokensError():
            return f"{command} has no use for {' '.join(error.unused_tokens or [])}; see {command} --help"
        case _:
            return " ".join(str(error).split()).rstrip(".")


def nearest_command(error: UnknownCommandError) -> str:
    """The end of the sentence that refuses a command."""
    return nearest((error.unused_tokens or ["?"])[0], COMMANDS)


def takes_every_name(error: CycloptsError) -> bool:
    """Whether the parser failed over a flag that it does not know by name: one of the schema's, or a mistake."""
    return error.argument is not None and error.argument.field_info.kind is inspect.Parameter.VAR_KEYWORD


def plain_help() -> "HelpFormatter":
    """Help for a pipe: no boxes, and nothing wrapped."""
    from cyclopts.help import PlainFormatter

    class Plain(PlainFormatter):
        def render_usage(self, console: "Console", options: "ConsoleOptions", usage: Any) -> None:
            console.width = 100_000  # the first thing printed: from here on no line is too long
            super().render_usage(console, options, usage)

    return Plain()
