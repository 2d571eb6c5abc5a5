import pytest

from ganvas.data import SOURCES, sources
from ganvas.data.celeba import CelebA
from ganvas.data.digits import Digits
from ganvas.data.folder import Folder
from ganvas.data.hub import Hub
from ganvas.data.idx import Idx
from ganvas.data.metadata import Metadata
from ganvas.data.npz import Npz
from ganvas.errors import UserError


def test_the_table_names_the_known_sets():
    assert sorted(SOURCES) == ["celeba", "digits", "fashion-mnist", "mnist"]
    for name, source in SOURCES.items():
        assert source(None).name == name


def test_a_layout_is_told_from_what_lies_in_a_folder(class_folder, idx_folder, celeba_folder, tmp_path):
    assert isinstance(sources.find(str(class_folder(cats=1))), Folder)
    assert isinstance(sources.find(str(idx_folder())), Idx)
    assert isinstance(sources.find(str(celeba_folder(2))), CelebA)
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "metadata.csv").write_text("file_name,label\n")
    assert isinstance(sources.find(str(tmp_path / "table")), Metadata)
    (tmp_path / "a.npz").write_bytes(b"")
    assert isinstance(sources.find(str(tmp_path / "a.npz")), Npz)


def test_a_known_name_wins_over_a_folder_and_a_dot_means_the_folder(class_folder, monkeypatch):
    folder = class_folder("digits", cats=2)
    monkeypatch.chdir(folder.parent)
    assert isinstance(sources.find("digits"), Digits)
    assert isinstance(sources.find("./digits"), Folder)
    assert sources.find("./digits").name == "digits"


def test_a_set_on_the_hub_is_named_by_owner_and_name():
    source = sources.find("hf:someone/cats")
    assert isinstance(source, Hub)
    assert (source.name, source.repository) == ("cats", "someone/cats")
    for wrong in ("hf:", "hf:cats", "hf:a/b/c", "hf:a/../b"):
        with pytest.raises(UserError, match="hf:owner/name"):
            sources.find(wrong)


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"did you mean digits\?"):
        sources.find("digts")


def test_a_misspelt_folder_is_answered_with_its_neighbour(class_folder):
    folder = class_folder("portraits", cats=1)
    with pytest.raises(UserError, match=r"did you mean .*portraits\?"):
        sources.find(str(folder.parent / "portrait"))


@pytest.mark.parametrize("name", ["", "nowhere/at/all", "a\0b", "x" * 5000, "~nosuchuser/pictures"])
def test_what_is_no_source_is_refused_in_one_sentence(name):
    with pytest.raises(UserError, match="no source") as refusal:
        sources.find(name)
    assert "\n" not in str(refusal.value)


def test_a_single_file_is_refused_unless_it_is_an_npz(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"only \.npz"):
        sources.find(str(tmp_path / "a.png"))


@pytest.mark.parametrize("source", ["digits", "folder"])
def test_an_attribute_needs_a_set_with_attributes(source, class_folder):
    from ganvas.data import Data, open_source

    name = source if source == "digits" else str(class_folder(cats=2))
    with pytest.raises(UserError, match="--attribute Smiling needs"):
        open_source(name, Data(attribute="Smiling"))
