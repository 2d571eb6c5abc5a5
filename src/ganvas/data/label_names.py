"""What a person means by a label: `3`, `cat`, or of several parts `shape=star,colour=red`, or some of them."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import index as whole_number
from typing import SupportsIndex

from ganvas.data.labels import LabelSpace
from ganvas.errors import UserError, nearest

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
ClassLabel = str | SupportsIndex
"""A class by its name, or by a whole number of any integer type: see `class_index`."""
Label = ClassLabel | Mapping[str, ClassLabel]
"""A class; or classes of the parts of a label by the parts' names, `{"shape": "star"}`."""
PartialLabel = tuple[int | None, ...]
"""(P,): the class index of each part; None of one that is left open."""


def partial_label(label: Label, space: LabelSpace, run: str) -> PartialLabel:
    """The class indices that a label means. UserError for an unknown part or class; `run` is named in it."""
    if isinstance(label, Mapping):
        asked = dict(label)
    elif space.is_single:
        return (class_index(label, space.parts[0].classes, run),)
    else:
        asked = _read_parts(label, space, run)
    names = [part.name for part in space.parts]
    if unknown := [str(name) for name in asked if name not in names]:
        raise UserError(f"{run} knows no part {unknown[0]!r} of a label; {nearest(unknown[0], names)}")
    return tuple(
        class_index(asked[part.name], part.classes, run, f"{part.name}=") if part.name in asked else None
        for part in space.parts
    )


def label_in_words(label: PartialLabel, space: LabelSpace) -> str:
    """`cat`; `shape=star,colour=red` of several parts, without those that are left open."""
    if space.is_single:
        return space.parts[0].classes[label[0] or 0]
    known = zip(space.parts, label, strict=True)
    return ",".join(f"{part.name}={part.classes[k]}" for part, k in known if k is not None and k >= 0)


def _read_parts(label: object, space: LabelSpace, run: str) -> dict[str, ClassLabel]:
    """`shape=star,colour=red` -> {"shape": "star", "colour": "red"}; a comma may also be a part of a class's name."""
    names = [part.name for part in space.parts]
    form = ",".join(f"{part.name}={part.classes[0]}" for part in space.parts)
    if not isinstance(label, str):
        raise UserError(f"a label of {run} is written {form!r}, or as a dict of its parts, not {label!r}")
    asked: dict[str, ClassLabel] = {}
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    for piece in re.split(rf",(?=\s*(?:{known})\s*=|[^,=]*=)", label):
        match = re.fullmatch(rf"\s*({known}|[^=]*?)\s*=(.*)", piece, re.DOTALL)
        if match is None:
            fits = [part.name for part in space.parts if piece.strip() in part.classes]
            guess = f"did you mean {fits[0]}={piece.strip()}? " if fits else ""
            raise UserError(
                f"a label of {run} is written {form}, any part left out, not {label!r}; {guess}".rstrip("; ")
            )
        if match[1] in asked:
            raise UserError(f"label {label} names its {match[1]} twice")
        asked[match[1]] = match[2]
    return asked


def class_index(label: ClassLabel, classes: Sequence[str], run: str, part: str = "") -> int:
    """The index of the class that a label means. UserError where it means none, or several; `run` is named in it.

    part: what stands before the class in a message, `shape=` of a label of several parts.

    The exact spelling of a name wins. Else, where names are numbers, a number means the class of that number: 1 is the
    class 001. Only where no name is a number is it the position of a class, from 0.
    """
    if isinstance(label, str):
        text = str(label).strip()  # str: a numpy string would show its type in a message
    else:
        try:
            text = "" if isinstance(label, bool) else str(whole_number(label))
        except TypeError:
            text = ""
        if not text:
            raise UserError(f"a label is the name of a class or a whole number, not {label!r}")
    for spelling in (label, text):
        if spelling in classes:
            return classes.index(str(spelling))
    numbers, number = [_number(name) for name in classes], _number(text)
    if number is None:
        raise UserError(f"{run} knows no class {part}{text!r}; {nearest(text, classes)}")
    if all(each is None for each in numbers):  # words: a position
        if number not in range(len(classes)):
            raise UserError(f"label {part}{text} is not in 0..{len(classes) - 1}; {run} knows {', '.join(classes)}")
        return int(number)
    found = [index for index, each in enumerate(numbers) if each == number]
    if len(found) > 1:
        raise UserError(
            f"label {part}{text} may be {' or '.join(classes[index] for index in found)}: give the exact name"
        )
    if not found:
        away = {name: abs(each - number) for name, each in zip(classes, numbers, strict=True) if each is not None}
        closest = min(away, key=lambda name: away[name])
        raise UserError(f"{run} knows no class {part}{text}; did you mean {closest}? Allowed: {', '.join(classes)}")
    return found[0]


def _number(name: str) -> Decimal | None:
    """The number that a name is: 1 of `001`, 0.5 of `0.50`; None of a word."""
    return Decimal(name) if NUMBER.fullmatch(name.strip()) else None
