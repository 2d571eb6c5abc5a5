"""Python's pickles, which are never loaded: what to do where a set consists of them."""

from pathlib import Path

from ganvas.data.sources.formats import is_image_name, suffix_of
from ganvas.data.sources.scan import FolderScan, escaped_name
from ganvas.data.sources.signatures import file_kind
from ganvas.errors import UserError

PICKLE_SUFFIXES = ("pkl", "pickle", "p", "pt", "pth")
MOST_OPENED = 100


def refuse_pickles(listing: FolderScan) -> None:
    """A UserError for a folder without images that holds pickles, such as the CIFAR archive's."""
    candidates = [
        path
        for path in listing.paths()
        if suffix_of(path) in PICKLE_SUFFIXES or is_image_name(path.rpartition("/")[2]) is None
    ]
    names = [path for path in candidates[:MOST_OPENED] if is_pickle(listing.root / path)]
    if names and not listing.images_below(""):
        some = ", ".join(map(escaped_name, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        raise UserError(f"{listing.root} holds pickles ({some}), {WHY_NOT}")


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle; the tensors of torch are one in a .zip."""
    kind = file_kind(path)
    return kind == "a pickle" or (suffix_of(path.name) in PICKLE_SUFFIXES and kind in ("zip", ""))


WHY_NOT = (
    "which are never loaded, since a pickle can run any code: where you trust it, save its arrays with "
    "np.savez('set.npz', images=..., labels=...) and give set.npz; CIFAR is also on the hub, as hf:uoft-cs/cifar10"
)
