import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Pillow

from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError


class Image:
    def __init__(self, decode=True):
        self.decode = decode


class ClassLabel:
    dtype = "int64"

    def __init__(self, names):
        self.names = names


class Rows:
    """A split as `datasets` gives it: rows of columns with features."""

    def __init__(self, features, rows):
        self.features, self.rows = features, rows

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def cast_column(self, name, feature):
        assert not feature.decode
        return self

    def select_columns(self, names):
        return Rows(self.features, [{name: row[name] for name in names} for row in self.rows])


def encoded(seed):
    file = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16), np.uint8)).save(file, "PNG")
    return file.getvalue()


def split(count, first=0, features=None, **columns):
    features = features or {"image": Image(), "label": ClassLabel(["cat", "dog"])}
    rows = [{"image": {"bytes": encoded(first + i), "path": None}, "label": i % 2} for i in range(count)]
    for name, value in columns.items():
        for index, row in enumerate(rows):
            row[name] = value(index)
    return Rows(features, rows)


@pytest.fixture
def hub(monkeypatch):
    """serve(train=split(...)) -> stands in for `datasets`; serve(raises=error) fails as the hub would."""
    calls = []

    def serve(raises=None, licence="cc0-1.0", **splits):
        def load_dataset(repository):
            calls.append(repository)
            if raises is not None:
                raise raises
            return splits

        builder = SimpleNamespace(info=SimpleNamespace(license=licence))
        stand_in = SimpleNamespace(
            Image=Image, ClassLabel=ClassLabel, load_dataset=load_dataset, load_dataset_builder=lambda name: builder
        )
        monkeypatch.setitem(sys.modules, "datasets", stand_in)
        return calls

    return serve


def opened(source="hf:someone/pets", **choices):
    return open_source(source, DataConfig(**choices))


def test_the_columns_of_images_and_class_labels_are_used(hub):
    hub(train=split(20), test=split(4, 100))
    prepared = opened()
    assert prepared.name == "pets"
    assert prepared.classes == ("cat", "dog")
    assert prepared.labels.tolist() == [0, 1] * 12
    assert (len(prepared.train), len(prepared.held_out)) == (20, 4)
    with Pillow.open(io.BytesIO(encoded(100))) as image:
        assert (prepared.pixels[20, 0] == np.asarray(image)).all()


def test_a_prepared_set_is_opened_without_the_hub(hub):
    calls = hub(train=split(20))
    first = opened()
    hub(raises=ConnectionError("down"))
    assert opened().fingerprint == first.fingerprint
    assert len(calls) == 1


def test_the_licence_is_shown_before_anything_is_downloaded(hub, said):
    hub(raises=ConnectionError("down"))
    with pytest.raises(UserError):
        opened()
    assert any("licence: cc0-1.0" in line for line in said)
    with pytest.raises(UserError):
        opened("celeba")
    assert any("non-commercial" in line for line in said)


def test_a_set_without_class_labels_has_none(hub):
    hub(train=split(20, features={"image": Image(), "caption": object()}, image=lambda i: {"bytes": encoded(i)}))
    assert opened().labels is None


def test_yes_or_no_columns_are_attributes(hub):
    features = {"image": Image(), "Smiling": SimpleNamespace(dtype="bool"), "celeb_id": SimpleNamespace(dtype="int64")}
    hub(train=split(20, features=features, Smiling=lambda i: i % 4 == 0))
    prepared = opened("celeba", attribute="Smiling")
    assert prepared.classes == ("not Smiling", "Smiling")
    assert prepared.labels[:5].tolist() == [1, 0, 0, 0, 1]
    with pytest.raises(UserError, match=r"did you mean Smiling\?"):
        opened("celeba", attribute="smiling")


def test_an_image_that_is_missing_is_refused_by_name(hub):
    hub(train=split(20, image=lambda i: None if i == 3 else {"bytes": encoded(i)}))
    refused = opened().manifest.refused
    assert [item.name for item in refused] == ["train[3]"]


@pytest.mark.parametrize("features", [{"text": object()}, {"a": Image(), "b": Image()}])
def test_no_column_of_images_or_two_are_refused_with_the_columns(hub, features):
    hub(train=split(3, features=features))
    with pytest.raises(UserError, match=f"it has {', '.join(features)}"):
        opened()


def test_a_missing_label_is_refused(hub):
    hub(train=split(4, label=lambda i: None if i == 2 else 0))
    with pytest.raises(UserError, match="without a label"):
        opened()


def named(name, message="no"):
    return type(name, (Exception,), {})(message)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (named("GatedRepoError"), "gated"),
        (named("DatasetNotFoundError"), "no such public set"),
        (named("OfflineModeIsEnabled"), "HF_HUB_OFFLINE"),
        (ConnectionError("refused"), "cannot be reached"),
        (named("DatasetGenerationError"), "damaged or cut off"),
        (RuntimeError("something\nnew " + "x" * 500), "RuntimeError: something new"),
    ],
)
def test_every_error_of_the_hub_is_one_sentence(hub, error, message):
    hub(raises=error)
    with pytest.raises(UserError, match=message) as refusal:
        opened()
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_the_cause_below_an_error_counts_as_well(hub):
    error = RuntimeError("could not load")
    error.__cause__ = named("GatedRepoError")
    hub(raises=error)
    with pytest.raises(UserError, match="gated"):
        opened()


def test_without_datasets_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"pip install 'ganvas\[hf\]'"):
        opened()


def test_warnings_of_the_hubs_client_are_hidden(caplog):
    import logging

    from ganvas.data.sources.hub import _hub_errors

    client = logging.getLogger("huggingface_hub")
    before = client.level

    def fetch():
        with _hub_errors("a/b"):
            client.warning("Retrying in 8s [Retry 5/5].")
            raise ConnectionError

    with pytest.raises(UserError, match="hf:a/b cannot be loaded: the hub cannot be reached"):
        fetch()
    assert "Retrying" not in caplog.text
    assert client.level == before
