"""Sets on the Hugging Face hub, through `datasets`, which only this file imports.

Tested with a stand-in for `datasets`; never run against the hub itself.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from ganvas import console
from ganvas.data.sources.contents import ImageFiles, Source, SourceContents
from ganvas.data.sources.scan import escaped_name
from ganvas.errors import UserError, nearest

HELD_OUT_SPLITS = ("test", "val", "valid", "validation")
LABEL_NAMES = ("label", "labels", "class", "fine_label")


def read_hub(repository: str, licence: str, scratch: Path, attribute: str | None) -> SourceContents:
    """The column of images, copied to files below `scratch`, and the column of class labels where there is one."""
    try:
        import datasets
    except ImportError:
        raise UserError("sets from the hub need `datasets`, which is not installed: pip install 'ganvas[hf]'") from None
    with _hub_errors(repository):
        licence = licence or str(datasets.load_dataset_builder(repository).info.license or "not stated, see its page")
        console.info(f"{repository} comes from the hub; its licence: {licence}")
        splits = dict(datasets.load_dataset(repository))
        train = "train" if "train" in splits else next(iter(splits), None)
        if train is None:
            raise UserError(f"hf:{repository} holds no split")
        used = [train, *(name for name in splits if name in HELD_OUT_SPLITS and name != train and len(splits[name]))]
        features = splits[train].features
        columns = [name for name, column in features.items() if isinstance(column, datasets.Image)]
        if len(columns) != 1:
            names = ", ".join(features) or "no column"
            raise UserError(f"hf:{repository} has {len(columns)} columns of images and needs one; it has {names}")
        (image,) = columns
        label: str | None
        classes: tuple[str, ...]
        if attribute is None:
            candidates = {name: column for name, column in features.items() if isinstance(column, datasets.ClassLabel)}
            label = next((name for name in (*LABEL_NAMES, *candidates) if name in candidates), None)
            classes = () if label is None else tuple(escaped_name(name) for name in candidates[label].names)
        else:
            yes_no = [name for name, column in features.items() if getattr(column, "dtype", "") == "bool"]
            if attribute not in yes_no:
                raise UserError(f"there is no attribute {attribute}: {nearest(attribute, yes_no)}")
            label, classes = attribute, (f"not {attribute}", attribute)
        files: list[str] = []
        labels: list[int] = []
        for split in used:
            rows = splits[split].cast_column(image, datasets.Image(decode=False))
            for index, row in enumerate(rows.select_columns([image] if label is None else [image, label])):
                cell = row[image] or {}
                data, path = cell.get("bytes"), cell.get("path")
                if data is None:  # a missing image becomes an empty file, which is refused by name later
                    data = Path(path).read_bytes() if path and Path(path).is_file() else b""
                files.append(f"{split}[{index}]")
                (scratch / files[-1]).write_bytes(data)
                value = 0 if label is None else row[label]
                labels.append(-1 if value is None else int(value))
    if label is not None and not all(0 <= value < len(classes) for value in labels):
        raise UserError(f"hf:{repository} has images without a label, or with one beyond its {len(classes)} classes")
    return SourceContents(
        f"hf:{repository}",
        (ImageFiles(scratch, files),),
        classes,
        None if label is None else np.array(labels, np.int64),
        np.arange(len(files)) >= len(splits[train]) if len(used) > 1 else None,
        attribute=attribute,
    )


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


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    """Turns every error of a download into one sentence, and hides its clients' retries and warnings."""
    levels = {logger: logger.level for logger in map(logging.getLogger, ("huggingface_hub", "datasets"))}
    for logger in levels:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 10:
            chain.append(cause)
        names = " ".join(base.__name__ for link in chain for base in type(link).__mro__)
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        reason = next((reason for pattern, reason in _REASONS.items() if re.search(pattern, names)), message)
        raise UserError(f"hf:{repository} cannot be loaded: {reason}") from None
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
