import numpy as np
import pytest

from ganvas.data import SOURCES, sources
from ganvas.data.sources import layouts
from ganvas.data.sources.archive import read_archive
from ganvas.data.sources.celeba import read_celeba
from ganvas.data.sources.folder import read_class_folders
from ganvas.data.sources.hub import read_hub
from ganvas.data.sources.idx import read_idx
from ganvas.data.sources.metadata import read_metadata
from ganvas.data.sources.npy import read_npy
from ganvas.data.sources.npz import read_npz
from ganvas.errors import UserError


def reader(source):
    read = sources.find_source(str(source)).read
    return read.args[0] if read.func is layouts._nested_or else read.func


def test_the_known_sets_are_listed_with_a_description():
    assert list(SOURCES) == ["celeba", "digits", "fashion-mnist", "mnist"]
    for name, source in SOURCES.items():
        assert source.name == name
        assert source.about.endswith(".")


def test_the_content_of_a_folder_decides_its_layout(class_folder, idx_folder, celeba_folder, tmp_path):
    def idx_file():
        return next((tmp_path / "idx").glob("train-labels*"))

    assert reader(class_folder(cats=1)) is read_class_folders
    assert reader(idx_folder()) is read_idx
    assert reader(celeba_folder(2)) is read_celeba
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "metadata.csv").write_text("file_name,label\n")
    assert reader(tmp_path / "table") is read_metadata
    (tmp_path / "a.npz").write_bytes(b"")
    assert reader(tmp_path / "a.npz") is read_npz
    (tmp_path / "a.zip").write_bytes(b"")
    assert reader(tmp_path / "a.zip") is read_archive
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "images.npy", np.zeros((2, 2, 2)))
    assert reader(tmp_path / "arrays") is read_npy
    assert reader(tmp_path / "arrays" / "images.npy") is read_npy
    assert reader(idx_file()) is read_idx


def test_a_known_name_wins_over_a_folder_and_a_dot_means_the_folder(class_folder, monkeypatch, said):
    folder = class_folder("digits", cats=2)
    monkeypatch.chdir(folder.parent)
    assert sources.find_source("digits") is SOURCES["digits"]
    assert said == ["digits is the known set, and not digits in this folder; for that give ./digits"]
    assert reader("./digits") is read_class_folders
    assert sources.find_source("./digits").name == "digits"


def test_a_set_on_the_hub_is_named_by_owner_and_name():
    source = sources.find_source("hf:someone/cats")
    assert reader("hf:someone/cats") is read_hub
    assert (source.name, source.state()) == ("cats", "hf:someone/cats")
    for wrong in ("hf:", "hf:cats", "hf:a/b/c", "hf:a/../b"):
        with pytest.raises(UserError, match="hf:owner/name"):
            sources.find_source(wrong)


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"did you mean digits\?"):
        sources.find_source("digts")


def test_a_misspelt_folder_is_answered_with_its_neighbour(class_folder):
    folder = class_folder("portraits", cats=1)
    with pytest.raises(UserError, match=r"did you mean .*portraits\?"):
        sources.find_source(str(folder.parent / "portrait"))


@pytest.mark.parametrize("name", ["", "nowhere/at/all", "a\0b", "x" * 5000, "~nosuchuser/images"])
def test_what_is_no_source_is_refused_in_one_sentence(name):
    with pytest.raises(UserError, match="no source") as refusal:
        sources.find_source(name)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"", r"is a file, and only \.npz, \.npy, idx, \.zip and \.tar files are read"),
        ("a.rar", b"Rar!\x1a\7", "is a rar archive, which is not read: unpack it"),
        ("a.zip", b"7z\xbc\xaf\x27\x1c", "is a 7z archive, which is not read: unpack it"),
        ("a.tar.zst", b"\x28\xb5\x2f\xfd", "is packed by zstd, which is not read: unpack it"),
        ("data_batch_1", b"\x80\2}q", r"is a pickle, which are never loaded.*np\.savez"),
        ("train_32x32.mat", b"MATLAB 5.0 MAT-file", "is a MATLAB file, and only"),
        ("a.h5", b"\x89HDF\r\n", "is an HDF5 file, and only"),
        ("a.parquet", b"PAR1", "is a Parquet file, and only"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_it_is(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as refusal:
        sources.find_source(str(tmp_path / name))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "source"), [("a.b.npz", "a.b"), ("a.tar.gz", "a"), ("A.ZIP", "A"), ("a.tgz", "a"), ("v1.2.zip", "v1.2")]
)
def test_a_file_gives_the_set_its_name_without_the_suffix(tmp_path, name, source):
    (tmp_path / name).write_bytes(b"")
    if name.endswith("gz"):
        (tmp_path / name).write_bytes(b"\x1f\x8b")
    assert sources.find_source(str(tmp_path / name)).name == source


def test_an_archive_has_another_state_when_it_is_written_again(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\3\4")
    before = sources.find_source(str(path)).state()
    assert sources.find_source(str(path)).state() == before
    path.write_bytes(b"PK\3\4 more")
    assert sources.find_source(str(path)).state() != before


@pytest.mark.parametrize("source", ["digits", "folder"])
def test_a_column_of_labels_needs_a_table(source, class_folder):
    from ganvas.data import DataConfig, open_source

    name = source if source == "digits" else str(class_folder(cats=2))
    with pytest.raises(UserError, match="--label-column breed needs a table of labels"):
        open_source(name, DataConfig(label_column="breed"))


@pytest.mark.parametrize("source", ["digits", "folder"])
def test_an_attribute_needs_a_set_with_attributes(source, class_folder):
    from ganvas.data import DataConfig, open_source

    name = source if source == "digits" else str(class_folder(cats=2))
    with pytest.raises(UserError, match="--attribute Smiling needs"):
        open_source(name, DataConfig(attribute="Smiling"))
