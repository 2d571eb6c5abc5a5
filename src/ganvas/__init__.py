"""ganvas: from a folder of labelled pictures to a measured, class-conditional image generator."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ganvas.data import Data, Prepared, open_source
    from ganvas.errors import UserError
    from ganvas.sampling import Sampler, load
    from ganvas.training.train import Asked, train

__all__ = ["Asked", "Data", "Prepared", "Sampler", "UserError", "load", "open_source", "train"]

_ROOMS = {
    "Asked": "ganvas.training.train",
    "Data": "ganvas.data",
    "Prepared": "ganvas.data",
    "Sampler": "ganvas.sampling",
    "UserError": "ganvas.errors",
    "load": "ganvas.sampling",
    "open_source": "ganvas.data",
    "train": "ganvas.training.train",
}


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first used: torch takes a second that `--help` does not have."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'ganvas' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ROOMS[name]), name)
