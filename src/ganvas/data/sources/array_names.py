"""What arrays mean by their names: images, labels or names of classes, and of which part of a set."""

import re
from dataclasses import dataclass
from typing import Literal

from ganvas.data.sources.partition import is_held_out_part
from ganvas.data.sources.scan import escaped_name
from ganvas.data.sources.stored_arrays import NamedArrays
from ganvas.errors import UserError

IMAGE_WORDS = frozenset(("image", "images", "img", "imgs", "x", "data", "pixels", "features"))
LABEL_WORDS = frozenset(("label", "labels", "lbl", "lbls", "y", "target", "targets"))
CLASS_NAMES = frozenset(("classes", "class_names", "classnames", "label_names", "target_names", "names", "categories"))


@dataclass(frozen=True)
class ArrayRole:
    """What a name says of an array."""

    holds: Literal["images", "labels"]
    part: str
    """`train`, `val`, ...; empty where the name has no part."""
    family: str
    """The rest of the name, which images and their labels share."""


@dataclass(frozen=True)
class ArrayPart:
    """The arrays of one part of a set."""

    images: str
    labels: str | None
    is_held_out: bool


def role_of(name: str) -> ArrayRole | None:
    """The role of an array by its name: `train_images`, `X_test`, `trainY`, `y`; None where the name does not say."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)]
    for index, word in enumerate(words):
        if word[0] in "xy" and is_held_out_part(word[1:]) is not None:  # xtrain
            words[index : index + 1] = [word[0], word[1:]]
    part = next((word for word in words if is_held_out_part(word) is not None), "")
    label = next((word for word in words if word in LABEL_WORDS), "")
    image = next((word for word in words if word in IMAGE_WORDS), "")
    if not label and not image:
        return None
    family = " ".join(word for word in words if word not in (part, label, image))
    return ArrayRole("labels" if label else "images", part, family)


def choose_parts(arrays: NamedArrays, family: str | None = None) -> tuple[list[ArrayPart], list[str]]:
    """The parts of a set, those that are trained on first, and notes; a UserError where the names leave a choice."""
    roles = {name: role for name in arrays.headers if (role := role_of(name)) is not None}
    families = {role.family for role in roles.values() if role.holds == "images"}
    if not families:
        return _by_shape(arrays)
    if family is None:
        family = "" if "" in families else families.pop() if len(families) == 1 else None
    if family is None:
        raise UserError(f"{arrays.where} holds several sets, {arrays.describe(roles)}: keep one of them")
    parts, notes = [], []
    members = {name: role for name, role in roles.items() if role.family == family}
    for part in dict.fromkeys(role.part for role in members.values() if role.holds == "images"):
        chosen = {
            holds: [name for name, role in members.items() if (role.part, role.holds) == (part, holds)]
            for holds in ("images", "labels")
        }
        for holds, names in chosen.items():
            if len(names) > 1:
                raise UserError(f"{arrays.where} holds several arrays of {holds}, {arrays.describe(names)}: keep one")
        labels = chosen["labels"][0] if chosen["labels"] else None
        parts.append(ArrayPart(chosen["images"][0], labels, bool(part and is_held_out_part(part))))
    if any(part.labels for part in parts):
        bare = [part for part in parts if part.labels is None]
        notes = [f"left out, without labels: the images of {escaped_name(part.images)}" for part in bare]
        parts = [part for part in parts if part.labels is not None]
    trained = [part for part in parts if not part.is_held_out]
    if len(trained) > 1:
        names = [part.images for part in trained]
        raise UserError(f"{arrays.where} holds several arrays of images, {arrays.describe(names)}: keep one")
    if not trained:
        raise UserError(f"{arrays.where} has nothing to train on; it holds {arrays.describe()}")
    return [*trained, *(part for part in parts if part.is_held_out)], notes


def _by_shape(arrays: NamedArrays) -> tuple[list[ArrayPart], list[str]]:
    """The one array that can only be images, and the one that has as many labels: for names such as `arr_0`."""
    headers = arrays.headers
    images = [name for name, header in headers.items() if header.is_numeric and len(header.shape) in (3, 4)]
    if not images:
        raise UserError(f"{arrays.where} holds no images; it holds {arrays.describe()}")
    if len(images) > 1:
        raise UserError(
            f"{arrays.where} holds several arrays that may be images, {arrays.describe(images)}: name them "
            "train_images, train_labels, test_images, test_labels"
        )
    count = headers[images[0]].shape[0]
    others = [name for name in headers if name != images[0] and name not in CLASS_NAMES]
    labels = [name for name in others if headers[name].shape[:1] == (count,) and len(headers[name].shape) <= 2]
    if len(labels) > 1:
        raise UserError(
            f"{arrays.where} holds several arrays that may be labels, {arrays.describe(labels)}: name one labels"
        )
    chosen = ArrayPart(images[0], labels[0] if labels else None, False)
    named = f"{escaped_name(chosen.images)} as images" + (f", {escaped_name(labels[0])} as labels" if labels else "")
    return [chosen], [f"arrays taken by their shapes: {named}"]
