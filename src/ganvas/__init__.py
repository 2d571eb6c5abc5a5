"""ganvas: from a folder of labelled images to a measured, class-conditional image generator."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ganvas.data import DataConfig, PreparedSet, open_source
    from ganvas.errors import UserError
    from ganvas.sampling import Sampler, load
    from ganvas.training.run import TrainRequest, train

__all__ = ["DataConfig", "PreparedSet", "Sampler", "TrainRequest", "UserError", "load", "open_source", "train"]

_ROOMS = {
    "TrainRequest": "ganvas.training.run",
    "DataConfig": "ganvas.data",
    "PreparedSet": "ganvas.data",
    "Sampler": "ganvas.sampling",
    "UserError": "ganvas.errors",
    "load": "ganvas.sampling",
    "open_source": "ganvas.data",
    "train": "ganvas.training.run",
}


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first used: torch takes a second that `--help` does not have."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'ganvas' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ROOMS[name]), name)
