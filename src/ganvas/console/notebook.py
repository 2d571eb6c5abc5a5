"""One output of a notebook's cell that is replaced as a task goes on. IPython is there already, and never needed."""

import sys
from collections.abc import Callable
from typing import Any

from ganvas import console

PREFORMATTED = '<pre style="white-space:pre;overflow-x:auto;line-height:normal;font-family:monospace">{code}</pre>'


def _shell() -> Any:
    """The shell of the notebook that this process is the kernel of; None elsewhere, in IPython on a terminal too."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if getattr(shell, "kernel", None) is not None else None


def is_shown() -> bool:
    """Whether what is printed goes to the cell of a notebook, and not to a file or a variable."""
    return _shell() is not None and type(sys.stdout).__module__.partition(".")[0] in ("ipykernel", "IPython")


def write(line: str) -> None:
    """Writes a line of text to the cell."""
    sys.stdout.write(console.printable(line) + "\n")


class Output:
    """Shows HTML in the cell, with a line of plain text for viewers that show none."""

    def __init__(self, html: Callable[[], str], line: Callable[[bool], str]) -> None:
        """line: given whether the task has ended."""
        self._html, self._line = html, line
        self._handle: Any = None
        self.refresh()

    def refresh(self, ended: bool = False) -> None:
        """Shows what there is now, in the place of what was shown before."""
        from IPython.display import display

        content = {"text/plain": self._line(ended), "text/html": self._html()}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def stop(self) -> None:
        """Shows the end."""
        self.refresh(ended=True)
