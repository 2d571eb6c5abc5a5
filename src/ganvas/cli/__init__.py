"""The command line: parse, call, print. Only this file imports cyclopts; a command is imported when it is called."""

import inspect
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Group, Parameter
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
from ganvas.config.flags import as_typed, explain, flags_in
from ganvas.errors import InterruptedRunError, UserError, nearest

if TYPE_CHECKING:
    from cyclopts.help.protocols import HelpFormatter
    from rich.console import Console, ConsoleOptions

    from ganvas.settings import Settings

__all__ = ["Parameter", "app", "flag", "run", "schema_flags", "switch"]

Command = TypeVar("Command", bound=Callable[..., int])
GROUPS = ("Options", "Run", "Data", "Budget (give one)", "Training", "Checkpoints and scores", "Compute", "Other")
"""The headings of flags in help, in their order."""


def flag(metavar: str, text: str, *names: str, group: str = "Options") -> Parameter:
    """An option with a value, or with several (`list[str]`), as help shows it. The schema checks the values."""
    return Parameter(
        name=names or None,
        metavar=metavar,
        help=text,
        group=Group(group, sort_key=GROUPS.index(group)),
        negative="",
        show_default=False,
        consume_multiple=True,
    )


def switch(text: str, group: str = "Options") -> Parameter:
    """An option without a value."""
    return flag("", text, group=group)


def schema_flags(*models: "type[Settings]") -> Callable[[Command], Command]:
    """Gives a command a flag for every field that these settings mark with `Flag`; the field's docstring is the help.

    What was typed arrives in the command's `**options` by the fields' names, as text (a switch as True), for `parse`
    to check: `@schema_flags(DataConfig)` lets `--size 28` arrive as {"size": "28"}. The command takes no other names,
    unless it describes `**options` itself, as `train` does.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        *own, rest = signature.parameters.values()  # not list(): in this package that is the command's module
        assert rest.kind is inspect.Parameter.VAR_KEYWORD, "what was typed arrives in **options"
        arguments = [parameter for parameter in own if parameter.kind is inspect.Parameter.POSITIONAL_ONLY]
        flags = []
        for name, field, mark in [each for model in models for each in flags_in(model)]:
            text = " ".join((field.description or "").split())
            how = flag(mark.metavar, text, *mark.names, group=mark.group)
            annotation: object = Annotated[str | None, how] if mark.metavar else Annotated[bool | None, how]
            flags.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
        described = [rest] if hasattr(rest.annotation, "__metadata__") else []
        ordered = [*arguments, *flags, *own[len(arguments) :], *described]
        command.__signature__ = signature.replace(parameters=ordered)  # type: ignore[attr-defined]
        return command

    return decorate


RUN = "runs/digits-modern-s0"
app = App(
    name="ganvas",
    version=ganvas.__version__,
    help="From a folder of labelled images to a measured, class-conditional image generator.",
    help_epilogue="Begin with: ganvas train digits --minutes 3",
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    group_parameters=Group("Options", sort_key=0),
    help_format="plaintext",  # nothing in a docstring is markup, and rich needs a while to load its own
    print_error=False,
    result_action="return_value",
)
# What each command does, and an example of what follows its name; in the order in which one works with them.
COMMANDS = {
    "data": ("Prepare SOURCE once, below GANVAS_CACHE or your cache folder, and report what is in it.", "digits"),
    "train": ("Train a generator on SOURCE, or resume where the same command stopped.", "digits --minutes 3"),
    "sample": ("Generate images of the classes you ask for.", f"{RUN} --label 3 7 -n 20 --out digits.png"),
    "evaluate": ("Score a run, or any images, against real ones.", f"{RUN} --quick"),
    "compare": ("Put scorecards side by side, and say which is better.", f"{RUN} runs/digits-book-conditional-s0"),
    "worth": ("Say whether training a classifier with a run's images is worth it.", f"{RUN} --quick"),
    "export": ("Give a generator away: as ONNX, as a page for the browser, or for the Hub.", f"{RUN} --to onnx"),
    "study": ("Ask one of the notes' questions as an experiment.", "activation digits --quick"),
    "studio": ("Show runs in a browser: watch them learn, ask them for images, start and stop them.", "--port 8080"),
    "list": ("Name the recipes, the known sources, your runs, the studies, or every option.", "options"),
}
for number, (name, (text, example)) in enumerate(COMMANDS.items()):
    function = f"ganvas.cli.{name}:{'list_' if name == 'list' else name}"
    app.command(function, name=name, help=text, help_epilogue=f"For example: ganvas {name} {example}", sort_key=number)


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status: 0, or 2 and one sentence for a mistake the reader can mend."""
    if sys.stdout is None:  # closed by the caller: >&-
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    app.help_formatter = None if sys.stdout.isatty() else plain_help()
    try:
        result = app(arguments)
    except CycloptsError as error:
        console.error(f"ganvas: {sentence(error)}")
        return 2
    except InterruptedRunError as error:
        console.error(f"ganvas: {error.sentence}; the same command resumes: ganvas {shlex.join(arguments)}")
        return error.status
    except UserError as error:
        console.error(f"ganvas: {as_typed(error.sentence, arguments)}")
        return error.status
    except OSError as error:  # a name too long, a folder without permission, a full output
        subject = f"{str(error.filename)[:200]}: " if error.filename else "the output cannot be written: "
        console.error(f"ganvas: {subject}{error.strerror or error}")
        return 2 if error.filename else 1
    except KeyboardInterrupt:
        console.error("ganvas: interrupted")
        return 130
    return result if isinstance(result, int) else 0


def sentence(error: CycloptsError) -> str:
    """What the parser refused, in one sentence of our own."""
    command = " ".join(("ganvas", *(error.command_chain or ())))
    is_any_flag = error.argument is not None and error.argument.field_info.kind is inspect.Parameter.VAR_KEYWORD
    match error:
        case UnknownCommandError():
            typed = (error.unused_tokens or ["?"])[0]
            return f"there is no command {typed!r}; {nearest(typed, COMMANDS)}"
        # The parser failed over a flag that it does not know by name: one of the schema's, or a mistake.
        case MissingArgumentError(keyword=str(typed)) | CoercionError(token=object(keyword=str(typed))) if is_any_flag:
            return explain(typed)
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


def plain_help() -> "HelpFormatter":
    """Help for a pipe: no boxes, and nothing wrapped."""
    from cyclopts.help import PlainFormatter

    class Plain(PlainFormatter):
        def render_usage(self, console: "Console", options: "ConsoleOptions", usage: Any) -> None:
            console.width = 100_000  # the first thing printed: from here on no line is too long
            super().render_usage(console, options, usage)

    return Plain()
