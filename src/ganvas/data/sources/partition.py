"""Names of the parts of a set: which are trained on and which are held out."""

import re
from functools import lru_cache

_FILLER = "(?:sets?|data|datasets?|images?|imgs?|splits?|parts?)*"
_TRAIN = re.compile(f"{_FILLER}(?:train|training|trn){_FILLER}")
_HELD_OUT = re.compile(
    f"{_FILLER}(?:tests?|testing|tst|vals?|valids?|validation|validate|dev|development|eval|evaluation|holdout|heldout"
    f"|samples?){_FILLER}"
)


@lru_cache(maxsize=4096)
def is_held_out_part(name: str) -> bool | None:
    """Whether a part of this name is held out: False for `train`, True for `test`; None for any other name.

    Case, digits and signs do not matter, nor do words such as `set` and `images`: `Training`, `val2017`, `test_images`.
    """
    letters = re.sub(r"[^a-z]", "", name.lower())
    if _TRAIN.fullmatch(letters):
        return False
    return True if _HELD_OUT.fullmatch(letters) else None


def part_of_path(path: str) -> bool | None:
    """Whether the first folder of a path that names a part names a held-out one; None where none does."""
    parts = (is_held_out_part(folder) for folder in path.split("/")[:-1])
    return next((part for part in parts if part is not None), None)
