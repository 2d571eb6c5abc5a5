import pytest

from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError


@pytest.fixture
def table(tmp_path, draw):
    """write(text) -> a folder of 12 images, some below a folder, with that metadata.csv."""

    def write(text: str, encoding: str = "utf-8"):
        (tmp_path / "set" / "more").mkdir(parents=True)
        for index in range(12):
            draw(index).save(tmp_path / "set" / ("more" if index % 2 else ".") / f"{index}.png")
        (tmp_path / "set" / "metadata.csv").write_text(text, encoding=encoding)
        return tmp_path / "set"

    return write


def rows(count: int = 12) -> str:
    names = [f"more/{index}.png" if index % 2 else f"{index}.png" for index in range(count)]
    return "".join(f"{name},{'cat' if index < 6 else 'dog'}\n" for index, name in enumerate(names))


def opened(folder):
    return open_source(str(folder), DataConfig())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_table_names_images_and_labels(table, encoding):
    prepared = opened(table("file_name,label\n" + rows(), encoding))
    assert prepared.classes == ("cat", "dog")
    assert prepared.labels.tolist() == [0] * 6 + [1] * 6


def test_other_columns_are_ignored_and_their_order_is_free(table):
    text = "author,label,file_name\n" + "".join(f"me,{index % 3},{index}.png\n" for index in range(0, 12, 2))
    prepared = opened(table(text))
    assert prepared.classes == ("0", "1", "2")
    assert len(prepared.pixels) == 6
    assert prepared.manifest.notes == ("images ignored: 6 (not named in metadata.csv)",)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("gone.png,cat", "is not there"),
        ("../secret.png,cat", "leads out"),
        ("/etc/passwd,cat", "leads out"),
        ("0.png,dog", "twice"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_name(table, row, reason):
    prepared = opened(table("file_name,label\n" + rows() + row + "\n"))
    (refused,) = prepared.manifest.refused
    assert refused.name == row.split(",")[0]
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has none"),
        ("name,label\n0.png,cat\n", "it has name, label"),
        ("file_name,label\n0.png\n", "no label in row 2"),
        ("file_name,label\n0.png,cat\n,cat\n", "no file_name in row 3"),
        ('file_name,label\n"0.png,cat\n', "not a table"),
        ("file_name,label\n", "holds no usable images"),
    ],
)
def test_an_invalid_table_is_refused_with_its_columns_or_row(table, text, message):
    with pytest.raises(UserError, match=message):
        opened(table(text))


def test_a_table_that_is_not_utf8_is_refused(table):
    folder = table("")
    (folder / "metadata.csv").write_bytes(b"file_name,label\n\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        opened(folder)
