"""Sets on the Hugging Face hub, through `datasets`: the only door to it.

Tested with a stand-in for `datasets`; never run against the hub itself.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.data.sources.contents import EncodedImages, SourceContents, refuse_attribute
from ganvas.data.sources.scan import escaped_name
from ganvas.errors import UserError, nearest

HELD_OUT_SPLITS = ("test", "val", "valid", "validation")
LABEL_NAMES = ("label", "labels", "class", "fine_label")


class HubSet:
    """`hf:owner/name`: the column of images, and the column of class labels where there is one."""

    def __init__(self, repository: str, attribute: str | None = None, name: str = "", licence: str = "") -> None:
        self.repository = repository
        self.attribute = attribute
        self.name = name or repository.rpartition("/")[2]
        self.known_licence = licence

    def state(self) -> str:
        """Once prepared, a set of the hub is taken as it is: asking whether it changed would need the network."""
        return f"hf:{self.repository}"

    def licence(self) -> str:
        """A line to show before anything is downloaded."""
        with _hub_errors(self.repository):
            stated = self.known_licence or str(_datasets().load_dataset_builder(self.repository).info.license or "")
        return f"{self.repository} comes from the hub; its licence: {stated or 'not stated, see its page'}"

    def contents(self, scratch: Path) -> SourceContents:
        """Encoded images, copied below `scratch` with no more than one of them in memory."""
        datasets = _datasets()
        with _hub_errors(self.repository):
            splits = dict(datasets.load_dataset(self.repository))
        train = "train" if "train" in splits else next(iter(splits), "train")
        if train not in splits:
            raise UserError(f"hf:{self.repository} holds no split")
        held_out = [name for name in splits if name in HELD_OUT_SPLITS and name != train and len(splits[name])]
        features = splits[train].features
        columns = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
        if len(columns) != 1:
            names = ", ".join(features) or "no column"
            raise UserError(
                f"hf:{self.repository} has {len(columns)} columns of images and one is wanted; it has {names}"
            )
        label, classes = self._label_column(features, datasets)
        parts: list[EncodedImages] = []
        labels: list[int] = []
        for split in [train, *held_out]:
            rows = splits[split].cast_column(columns[0], datasets.Image(decode=False))
            rows = rows.select_columns(columns if label is None else [*columns, label])
            with _hub_errors(self.repository):
                part, numbers = _copied(rows, columns[0], label, scratch / split, split)
            parts.append(part)
            labels += numbers
        if label is not None and not all(0 <= number < len(classes) for number in labels):
            raise UserError(
                f"hf:{self.repository} has images without a label, or with one beyond its {len(classes)} classes"
            )
        is_held_out = np.arange(len(labels)) >= len(parts[0])
        return SourceContents(
            f"hf:{self.repository}",
            tuple(parts),
            classes,
            None if label is None else np.array(labels, np.int64),
            is_held_out if held_out else None,
        )

    def _label_column(self, features: Any, datasets: Any) -> tuple[str | None, tuple[str, ...]]:
        """The column of labels, and its classes in order."""
        labels = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
        if self.attribute is not None:
            yes_no = [name for name, feature in features.items() if getattr(feature, "dtype", "") == "bool"]
            if not yes_no:
                refuse_attribute(self.attribute, f"hf:{self.repository}")
            if self.attribute not in yes_no:
                raise UserError(f"there is no attribute {self.attribute}: {nearest(self.attribute, yes_no)}")
            return self.attribute, (f"not {self.attribute}", self.attribute)
        if not labels:
            return None, ()
        label = next((name for name in LABEL_NAMES if name in labels), labels[0])
        return label, tuple(escaped_name(name) for name in features[label].names)


class Mnist(HubSet):
    """The 70,000 digits of the MNIST database."""

    def __init__(self, attribute: str | None = None) -> None:
        super().__init__("ylecun/mnist", attribute, "mnist", "MIT, as the hub's page states it")


class FashionMnist(HubSet):
    """70,000 images of clothes in MNIST's format."""

    def __init__(self, attribute: str | None = None) -> None:
        super().__init__("zalando-datasets/fashion_mnist", attribute, "fashion-mnist", "MIT")


class CelebAFromHub(HubSet):
    """202,599 portraits with forty yes/no attributes."""

    def __init__(self, attribute: str | None = None) -> None:
        licence = "for non-commercial research only (the CelebA agreement of CUHK's Multimedia Laboratory)"
        super().__init__("flwrlabs/celeba", attribute, "celeba", licence)


def _datasets() -> Any:
    try:
        import datasets
    except ImportError:
        raise UserError("sets from the hub need `datasets`, which is not installed: pip install 'ganvas[hf]'") from None
    return datasets


def _copied(rows: Any, image: str, label: str | None, target: Path, title: str) -> tuple[EncodedImages, list[int]]:
    """Writes the encoded images one after another; -1 stands for a label that is missing."""
    offsets, labels = [0], []
    with target.open("wb") as file:
        for row in rows:
            cell = row[image] or {}
            data, path = cell.get("bytes"), cell.get("path")
            if data is None:
                # What is missing is written as nothing, and refused by name as an empty file when it is decoded.
                data = Path(path).read_bytes() if path and Path(path).is_file() else b""
            number = row[label] if label is not None else 0
            offsets.append(offsets[-1] + file.write(data))
            labels.append(-1 if number is None else int(number))
    return EncodedImages(target, np.array(offsets, np.int64), title), labels


# What may go wrong between here and the hub, by the name of its class: libraries below `datasets` raise their own.
_REASONS = {
    "GatedRepoError": "it is gated: accept its terms on its page and log in with `hf auth login`",
    "DatasetNotFoundError": "there is no such public set; it may be private, gated or misspelt",
    "RepositoryNotFoundError": "there is no such public set; it may be private or misspelt",
    "OfflineModeIsEnabled": "the hub is switched off by HF_HUB_OFFLINE",
    "ConnectionError": "the hub cannot be reached",
    "ConnectError": "the hub cannot be reached",
    "LocalEntryNotFoundError": "the hub cannot be reached",
    "DataFilesNotFoundError": "it holds no data files that can be read",
    "EmptyDatasetError": "it holds no data files",
    "DatasetGenerationError": "its data are damaged or cut off",
    "NonMatchingChecksumError": "its data are damaged or cut off",
    "NonMatchingSplitsSizesError": "its data are damaged or cut off",
}


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    """Turns whatever a download raises into one sentence, and keeps its clients' tries and warnings to themselves."""
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
        names = [base.__name__ for link in chain for base in type(link).__mro__]
        reason = next((_REASONS[name] for name in names if name in _REASONS), None)
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise UserError(f"hf:{repository} cannot be had: {reason or message}") from None
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
