"""Sets on the Hugging Face hub, through `datasets`, which only this file imports.

Tested with a stand-in for `datasets`; never run against the hub itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganvas import console
from ganvas.data.labels import MISSING, LabelChoice, LabelPart
from ganvas.data.sources.contents import ImageFiles, Source, SourceContents
from ganvas.data.sources.partition import is_held_out_part
from ganvas.data.sources.scan import escaped_name, natural_key
from ganvas.errors import UserError, client_errors, nearest, quiet_loggers

LABEL_NAMES = ("label", "labels", "class", "fine_label")
WHOLE_NUMBERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
TEXTS = ("string", "large_string")
MOST_CLASSES = 10_000


def read_hub(repository: str, licence: str, scratch: Path, choice: LabelChoice) -> SourceContents:
    """The column of images, copied to files below `scratch`, and the column that labels them where there is one."""
    try:
        import datasets
    except ImportError:
        hint = _folder_here(repository)
        raise UserError(
            f"sets from the hub need `datasets`, which is not installed: pip install 'ganvas[hf]'{hint}"
        ) from None
    with _hub_errors(repository):
        licence = licence or str(datasets.load_dataset_builder(repository).info.license or "not stated, see its page")
        console.info(f"{repository} comes from the hub; its licence: {licence}")
        splits = dict(datasets.load_dataset(repository))
        train = next((name for name in splits if is_held_out_part(name) is False), next(iter(splits), None))
        if train is None:
            raise UserError(f"hf:{repository} holds no split")
        used = [train, *(name for name in splits if is_held_out_part(name) and name != train and len(splits[name]))]
        features = splits[train].features
        columns = [name for name, column in features.items() if isinstance(column, datasets.Image)]
        if len(columns) != 1:
            names = ", ".join(features) or "no column"
            raise UserError(f"hf:{repository} has {len(columns)} columns of images and needs one; it has {names}")
        (image,) = columns
        named = {
            name: tuple(column.names) for name, column in features.items() if isinstance(column, datasets.ClassLabel)
        }
        types = {name: str(getattr(column, "dtype", "")) for name, column in features.items() if name != image}
        labels, notes = _label_columns(named, types, choice.columns)
        files: list[str] = []
        values: list[list[object]] = [[] for _ in labels]
        for split in used:
            rows = splits[split].cast_column(image, datasets.Image(decode=False))
            for index, row in enumerate(rows.select_columns([image, *labels])):
                cell = row[image] or {}
                data, path = cell.get("bytes"), cell.get("path")
                if data is None:  # a missing image becomes an empty file, which is refused by name later
                    data = Path(path).read_bytes() if path and Path(path).is_file() else b""
                files.append(f"{split}[{index}]")
                (scratch / files[-1]).write_bytes(data)
                for column, name in zip(values, labels, strict=True):
                    column.append(row[name])
    is_single = len(labels) == 1
    found = [
        _labelled(repository, name, named.get(name), column, is_single)
        for name, column in zip(labels, values, strict=True)
    ]
    parts = tuple(LabelPart(name=escaped_name(name), classes=found[k][0]) for k, name in enumerate(labels))
    left = [name for name in splits if name not in used and len(splits[name])]
    notes += [f"splits left out: {', '.join(map(escaped_name, left))}"] if left else []
    return SourceContents(
        f"hf:{repository}",
        (ImageFiles(scratch, files),),
        found[0][0] if is_single else (),
        None if not found else found[0][1] if is_single else np.stack([indices for _, indices in found], axis=1),
        np.arange(len(files)) >= len(splits[train]) if len(used) > 1 else None,
        notes=notes,
        choice=LabelChoice(choice.columns),
        label_parts=() if is_single else parts,
    )


def _label_columns(
    named: dict[str, tuple[str, ...]], types: dict[str, str], asked: tuple[str, ...]
) -> tuple[list[str], list[str]]:
    """The columns that label, and a note where they were not asked for and are no column of class labels.

    `named` are the columns of class labels with the classes' names, `types` the types of all columns but the images'.
    """
    possible = [name for name, dtype in types.items() if name in named or dtype in (*WHOLE_NUMBERS, *TEXTS, "bool")]
    if unknown := [name for name in asked if name not in possible]:
        raise UserError(f"there is no attribute or column {unknown[0]}: {nearest(unknown[0], possible)}")
    if asked:
        return [*asked], []
    if label := next((name for name in (*LABEL_NAMES, *named) if name in named), None):
        return [label], []
    if label := next((name for name in LABEL_NAMES if name in possible), None):
        return [label], [f"labels are the values of the column {label}"]
    if not possible:
        return [], []
    return [], [f"a column labels the set: --label-column {', '.join(map(escaped_name, possible[:5]))}, ..."]


def _labelled(
    repository: str, column: str, names: tuple[str, ...] | None, values: list[object], is_single: bool
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes of a column's values, and (N,) indices into them. A part of a label may be missing, a label not."""
    texts = ["" if value is None else escaped_name(str(value).strip()) for value in values]
    if "" in texts and is_single:
        raise UserError(f"hf:{repository} has images without a label in the column {column}")
    known = [value for value, text in zip(values, texts, strict=True) if text]
    if names is None and all(isinstance(value, bool) for value in known):
        names = (f"not {column}", column) if is_single else ("no", "yes")
    if names is not None:
        labels = [int(value) if isinstance(value, int) else MISSING for value in values]
        if not all((0 if is_single else MISSING) <= label < len(names) for label in labels):
            raise UserError(f"hf:{repository} has images with a label beyond its {len(names)} classes")
        return tuple(map(escaped_name, names)), np.array(labels, np.int64)
    classes = sorted({*texts} - {""}, key=natural_key)
    if len(classes) > min(MOST_CLASSES, max(2, len(texts) // 2)):
        raise UserError(f"the column {column} of hf:{repository} has {len(classes)} values for {len(texts)} images")
    index = {"": MISSING} | {name: label for label, name in enumerate(classes)}
    return tuple(classes), np.array([index[text] for text in texts], np.int64)


def hub_source(repository: str, name: str = "", licence: str = "", about: str = "") -> Source:
    """`hf:owner/name`. Once prepared, it counts as unchanged: a check for changes would need the network."""
    read = partial(read_hub, repository, licence)
    about = f"{about} Downloaded; needs the extra hf."
    return Source(name or repository.rpartition("/")[2], lambda: f"hf:{repository}", read, about)


MNIST = hub_source(
    "ylecun/mnist", "mnist", "MIT, as the hub's page states it", "The 70,000 digits of the MNIST database."
)
FASHION_MNIST = hub_source(
    "zalando-datasets/fashion_mnist", "fashion-mnist", "MIT", "70,000 images of clothes in MNIST's format."
)
CELEBA = hub_source(
    "flwrlabs/celeba",
    "celeba",
    "for non-commercial research only (the CelebA agreement of CUHK's Multimedia Laboratory)",
    "202,599 portraits with forty yes/no attributes.",
)


# Reasons by the names of exception classes, since the libraries below `datasets` raise their own. The first that
# occurs in the name of the error, of a base class or of a cause is shown.
_REASONS = {
    "GatedRepo": "it is gated: accept its terms on its page and log in with `hf auth login`",
    "OfflineMode": "the hub is switched off by HF_HUB_OFFLINE",
    "DatasetNotFound|RepositoryNotFound": "there is no such public set; it may be private, gated or misspelt",
    "Connect|LocalEntryNotFound": "the hub cannot be reached",
    "DataFilesNotFound|EmptyDataset": "it holds no data files that can be read",
    "DatasetGeneration|NonMatching": "its data are damaged or cut off",
}


def _folder_here(repository: str) -> str:
    """The end of a sentence that names a folder here of the same name, which may be what was meant."""
    name = repository.rpartition("/")[2]
    here = next((each for each in (name, name.replace("_", "-")) if Path(each).exists()), None)
    return f"; for the folder {here} here, give ./{here}" if here else ""


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    """Turns every error of a download into one sentence, and hides its clients' retries and warnings."""
    what = f"hf:{repository} cannot be loaded"
    with client_errors(what, _REASONS, partial(_folder_here, repository)), quiet_loggers("huggingface_hub", "datasets"):
        yield
