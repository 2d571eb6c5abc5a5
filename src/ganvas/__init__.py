"""ganvas: from a folder of labelled images to a measured, class-conditional image generator."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ganvas.api.dataset import Dataset
    from ganvas.api.evaluate import evaluate
    from ganvas.api.images import Image, Images
    from ganvas.api.load import load
    from ganvas.api.prepare import prepare
    from ganvas.api.run import Run
    from ganvas.api.scores import Scores
    from ganvas.api.train import train
    from ganvas.errors import InterruptedRunError, UserError

__all__ = [
    "Dataset", "Image", "Images", "InterruptedRunError", "Run", "Scores", "UserError",
    "evaluate", "load", "prepare", "train",
]  # fmt: skip

_ROOMS = {
    "Dataset": "ganvas.api.dataset",
    "Image": "ganvas.api.images",
    "Images": "ganvas.api.images",
    "InterruptedRunError": "ganvas.errors",
    "Run": "ganvas.api.run",
    "Scores": "ganvas.api.scores",
    "UserError": "ganvas.errors",
    "evaluate": "ganvas.api.evaluate",
    "load": "ganvas.api.load",
    "prepare": "ganvas.api.prepare",
    "train": "ganvas.api.train",
}


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first used: torch takes a second that `--help` does not have."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'ganvas' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    """For completion: the public names, before they are imported too."""
    return sorted([*globals(), *__all__])
