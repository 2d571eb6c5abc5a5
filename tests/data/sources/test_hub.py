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


def typed(**types):
    """Features with a column of images and others of these types."""
    return {"image": Image(), **{name: SimpleNamespace(dtype=dtype) for name, dtype in types.items()}}


@pytest.mark.parametrize(
    ("dtype", "value", "classes"),
    [
        ("string", lambda i: (" dog ", "cat")[i % 2], ("cat", "dog")),
        ("large_string", lambda i: ("dog", "cat")[i % 2], ("cat", "dog")),
        ("int64", lambda i: (10, 9)[i % 2], ("9", "10")),
        ("bool", lambda i: i % 2 == 0, ("not breed", "breed")),
    ],
)
def test_a_column_of_strings_or_numbers_labels_where_it_is_asked_for(hub, dtype, value, classes):
    hub(train=split(20, features=typed(breed=dtype, caption="string"), breed=value))
    prepared = opened(label_column="breed")
    assert prepared.classes == classes
    assert prepared.labels.tolist() == [1, 0] * 10


def test_a_column_of_strings_that_is_named_label_labels_and_is_said(hub):
    hub(train=split(20, features=typed(label="string"), label=lambda i: ("dog", "cat")[i % 2]))
    prepared = opened()
    assert prepared.classes == ("cat", "dog")
    assert prepared.manifest.notes == ("labels are the values of the column label",)


def test_columns_that_could_label_are_named_where_none_does(hub):
    hub(train=split(20, features=typed(breed="string", weight="float32", age="int32")))
    prepared = opened()
    assert prepared.labels is None
    assert prepared.manifest.notes == ("a column labels the set: --label-column breed, age, ...",)


def test_a_column_with_a_value_for_nearly_every_image_labels_nothing(hub):
    hub(train=split(20, features=typed(caption="string"), caption=lambda i: f"words {i}"))
    with pytest.raises(UserError, match="the column caption of hf:someone/pets has 20 values for 20 images"):
        opened(label_column="caption")


@pytest.mark.parametrize("value", [None, " "])
def test_a_missing_text_is_refused(hub, value):
    hub(train=split(8, features=typed(breed="string"), breed=lambda i: value if i == 2 else "cat"))
    with pytest.raises(UserError, match="without a label in the column breed"):
        opened(label_column="breed")


def test_an_unknown_column_is_answered_with_the_nearest(hub):
    hub(train=split(8, features=typed(breed="string", weight="float32")))
    with pytest.raises(UserError, match=r"no attribute or column bred: did you mean breed\? Allowed: breed$"):
        opened(label_column="bred")


def test_splits_are_known_however_they_are_spelt_and_others_are_said(hub):
    hub(Training=split(20), dev=split(4, 100), unlabeled=split(3, 200))
    prepared = opened()
    assert (len(prepared.train), len(prepared.held_out)) == (20, 4)
    assert prepared.manifest.notes == ("splits left out: unlabeled",)


@pytest.mark.parametrize(("source", "name"), [("mnist", "mnist"), ("fashion-mnist", "fashion-mnist"), ("hf:a/b", "b")])
def test_a_failing_download_names_the_folder_of_that_name(hub, monkeypatch, tmp_path, source, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    hub(raises=ConnectionError("down"))
    with pytest.raises(UserError, match=f"cannot be reached; for the folder {name} here, give ./{name}"):
        opened(source)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=f"for the folder {name} here, give ./{name}"):
        opened(source)


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
