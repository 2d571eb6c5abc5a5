"""The command line: parse, call, print. The only door to cyclopts; each command is imported when it is asked for."""

from collections.abc import Sequence

from cyclopts import App
from cyclopts.exceptions import CycloptsError

import ganvas
from ganvas.errors import UserError
from ganvas.progress import complain

app = App(
    name="ganvas",
    version=ganvas.__version__,
    help="From a folder of labelled pictures to a measured, class-conditional image generator.",
)
app.command("ganvas.cli.train:train", name="train", help="Train a generator on SOURCE, or go on where it stopped.")
app.command("ganvas.cli.sample:sample", name="sample", help="Draw pictures of the classes you ask for.")
app.command("ganvas.cli.data:data", name="data", help="Prepare SOURCE once, and say what is in it.")
app.command("ganvas.cli.list:list_", name="list", help="Name the recipes, the known sources and your runs.")


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status: 0, or 2 and one sentence for a mistake the reader can mend."""
    try:
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        complain(f"ganvas: {' '.join(str(error).split())}")
        return 2
    except UserError as error:
        complain(f"ganvas: {error}")
        return error.status
    except KeyboardInterrupt:
        complain("ganvas: interrupted")
        return 130
    return result if isinstance(result, int) else 0
