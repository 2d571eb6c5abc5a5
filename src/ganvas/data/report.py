"""What a prepared set holds, in words: all of it for `ganvas data`, at most ten lines of it for a training."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from ganvas import console
from ganvas.data.prepared import Manifest, PreparedSet, Refusal

MOST_LINES = 10
MOST_CLASSES = 8
MOST_LISTED = 20
MOST_OF_A_REASON = 5


def report_lines(prepared: PreparedSet) -> Iterator[str]:
    """What a prepared set holds, one fact a line. A fact that is not worth a line is left out."""
    facts = prepared.manifest
    yield f"source: {prepared.name}, {facts.layout}"
    yield f"images: {facts.images} of {facts.size} px, {facts.colours}"
    yield f"fingerprint: {prepared.fingerprint}"
    if not prepared.classes:
        yield "labels: none, so it is trained without labels"
    for row in facts.per_class:
        yield f"class {row.name}: {row.train + row.held_out} images, {row.held_out} of them held out"
    yield from (f"class {item.name} left out: {item.reason}" for item in facts.absent_classes)
    yield _held_out(facts)
    yield from _combination_lines(prepared)
    if facts.small_classes:
        yield f"classes too small for a held-out part: {', '.join(facts.small_classes)}"
    if facts.left_out:
        yield f"left out of training: {facts.left_out} (exact copies of held-out images)"
    yield f"original sizes, height x width: {_counted(facts.sizes)}"
    yield f"original colour modes: {_counted(facts.modes)}"
    if facts.levels:
        yield f"levels: {', '.join(map(str, facts.levels))}{', stretched to 0..255' * facts.stretched}"
    ground = f"transparent over {facts.background}" if facts.background else "transparency kept"
    yield f"crop: {facts.crop}; resize: {facts.filter}; {ground}"
    if facts.transparent:
        yield f"transparent: {facts.transparent} (in part at least)"
    if facts.enlarged:
        yield f"enlarged: {facts.enlarged} (smaller than {facts.size} px)"
    if facts.animated:
        yield f"animated: {facts.animated} (only the first frame is used)"
    yield f"duplicates: {facts.duplicates}"
    yield from (f"duplicate: {copy} equals {first}" for copy, first in facts.duplicate_examples)
    yield f"near-duplicates: {facts.near_duplicates} ({facts.near_duplicate_threshold})"
    yield from (f"near-duplicate: {copy} is like {first}" for copy, first in facts.near_duplicate_examples)
    named = len(facts.duplicate_examples) + len(facts.near_duplicate_examples)
    if named < facts.duplicates + facts.near_duplicates:
        yield f"duplicates and near-duplicates named here: {named}"
    if facts.near_across_split:
        yield f"held-out images with a near-duplicate in the training part: {facts.near_across_split}"
    yield from facts.notes
    if facts.skipped:
        yield _skipped(facts)
    if facts.ignored:
        yield f"files ignored: {len(facts.ignored)} (not images)"
        yield from (f"ignored: {name}" for name in facts.ignored[:MOST_LISTED])
        if (more := len(facts.ignored) - MOST_LISTED) > 0:
            yield f"ignored: {more} more"
    yield f"refused: {len(facts.refused)}"
    yield from refusal_lines(facts.refused)


def brief_lines(prepared: PreparedSet) -> list[str]:
    """What a training takes from its source and what it leaves, in at most ten lines."""
    facts = prepared.manifest
    lines = [f"data: {prepared.name}, {facts.layout}: {facts.images} images of {facts.size} px, {facts.colours}"]
    lines.append(_class_line(facts))
    if absent := facts.absent_classes:
        lines += [f"class {item.name} left out: {item.reason}" for item in absent[:2]]
    if more := [item.name for item in absent[2:]]:
        lines[-1] += f"; left out as well: {_some(more)}"
    lines.append(_held_out(facts))
    lines += [f"of several parts: {'; '.join(found)}"] if (found := list(_combination_lines(prepared))) else []
    if facts.refused:
        reasons = Counter(item.reason for item in facts.refused).most_common(2)
        first = {item.reason: item.name for item in reversed(facts.refused)}
        named = "; ".join(f"{count} such as {first[reason]}: {reason}" for reason, count in reasons)
        lines.append(f"refused: {len(facts.refused)} of {facts.images + len(facts.refused)} images: {named}")
    if facts.ignored:
        suffixes = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in facts.ignored)
        named = (
            facts.ignored[0] if len(facts.ignored) == 1 else _counted(dict(suffixes.most_common()), MOST_OF_A_REASON)
        )
        lines.append(f"not read: {len(facts.ignored)} files that are no images: {named}")
    if facts.skipped:
        lines.append(_skipped(facts))
    room = MOST_LINES - len(lines)
    if len(facts.notes) <= room:
        return [*lines, *facts.notes]
    return [*lines, *facts.notes[: room - 1], f"and {len(facts.notes) - room + 1} more facts: see `ganvas data`"]


def print_brief(prepared: PreparedSet) -> None:
    """Prints what a training takes from its source and what it leaves."""
    for line in brief_lines(prepared):
        console.info(line)


def refusal_lines(refused: Sequence[Refusal]) -> Iterator[str]:
    """A line for each refused image; one line for all those that share their reason, where they are many."""
    names: dict[str, list[str]] = {}
    for item in refused:
        names.setdefault(item.reason, []).append(item.name)
    for reason, some in list(names.items())[:MOST_LISTED]:
        if len(some) <= MOST_OF_A_REASON:
            yield from (f"refused: {name}: {reason}" for name in some)
        else:
            yield f"refused: {len(some)} images, {_some(some)}: {reason}"
    if len(names) > MOST_LISTED:
        more = sum(len(some) for some in list(names.values())[MOST_LISTED:])
        yield f"refused: {more} more images, for {len(names) - MOST_LISTED} other reasons"


def _class_line(facts: Manifest) -> str:
    counts = {row.name: row.train + row.held_out for row in facts.per_class}
    if not counts:
        return "labels: none, so it is trained without labels"
    if facts.labels is None:
        return f"classes: {_classes(counts)}"
    names = iter(counts.items())
    parts = [(part.name, dict(zip(part.classes, (n for _, n in names), strict=False))) for part in facts.labels.parts]
    return f"classes: {'; '.join(f'{name}: {_classes(own)}' for name, own in parts)}"


def _classes(counts: Mapping[str, int]) -> str:
    if len(counts) <= MOST_CLASSES:
        return _counted(counts)
    least, most = min(counts.values()), max(counts.values())
    return f"{len(counts)}, of {least} to {most} images: {_counted(counts, MOST_CLASSES)}"


def _combination_lines(prepared: PreparedSet) -> Iterator[str]:
    """Facts of labels of several parts: the combinations that occur, those kept from training, missing values."""
    facts = prepared.manifest
    if facts.labels is None or prepared.labels is None:
        return
    space = prepared.label_space
    counts = [count for count in space.counts if count]
    possible = math.prod(space.sizes)
    yield f"combinations trained on: {len(counts)} of {possible:,} possible, {min(counts)} to {max(counts)} images each"
    if hidden := facts.held_out_combinations:
        count = int(np.isin(prepared.labels, hidden).sum())
        names = [f"({space.names[k]})" for k in hidden]
        yield f"combinations held out: {len(hidden)} with {count} images, {_some(names)}"
    yield from (f"without a {name}: {count} images" for name, count in facts.missing.items())


def _held_out(facts: Manifest) -> str:
    what = "class" if facts.labels is None else "combination"
    how = "the set's own part" if facts.own_split else f"a tenth of each {what} by the hash of the decoded image"
    return f"held out: {facts.held_out} images, {how}"


def _skipped(facts: Manifest) -> str:
    names = [f"{name} ({count})" if count > 1 else name for name, count in facts.skipped.items()]
    return (
        f"skipped: {sum(facts.skipped.values())} (files and folders of the system, or beside the set): {_some(names)}"
    )


def _some(names: Sequence[str]) -> str:
    first = ", ".join(names[:MOST_OF_A_REASON])
    return first + (f" and {len(names) - MOST_OF_A_REASON} more" if len(names) > MOST_OF_A_REASON else "")


def _counted(counts: Mapping[str, int], most: int = 10) -> str:
    first = [f"{name} ({count})" for name, count in list(counts.items())[:most]]
    return ", ".join(first) + (f", and {len(counts) - most} more" if len(counts) > most else "")
