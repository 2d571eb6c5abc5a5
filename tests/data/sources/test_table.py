import pytest

from ganvas.data.sources import table
from ganvas.data.sources.table import is_table_name, read_table
from ganvas.errors import UserError


@pytest.fixture
def read(tmp_path):
    def read(data, name="t.csv"):
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_table(tmp_path, name)

    return read


def test_tables_are_known_by_their_suffix():
    assert all(is_table_name(name) for name in ("a.csv", "b.TSV", "c.jsonl", "d.ndjson"))
    assert not any(is_table_name(name) for name in ("a.txt", "b.json", "csv", "c.csv.gz"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "file_name,label\na.png,cat\nb.png,dog\n"),
        ("t.csv", "file_name;label\r\na.png;cat\r\nb.png;dog\r\n"),
        ("t.csv", "file_name\tlabel\na.png\tcat\nb.png\tdog"),
        ("t.csv", "file_name|label\na.png|cat\nb.png|dog"),
        ("t.tsv", "file_name\tlabel\na.png\tcat\nb.png\tdog\n"),
        ("t.csv", " file_name , label \n a.png, cat \n\nb.png ,\tdog\n,\n"),
        ("t.csv", '"file_name", "label"\n"a.png", "cat"\n"b.png","dog"\n'),
        ("t.csv", "file_name,label,\na.png,cat,\nb.png,dog,\n"),
        ("t.csv", b"\xef\xbb\xbffile_name,label\na.png,cat\nb.png,dog\n"),
        ("t.csv", "file_name,label\na.png,cat\nb.png,dog\n".encode("utf-16")),
        ("t.jsonl", '{"file_name": "a.png", "label": " cat "}\n\n{"file_name": "b.png", "label": "dog"}\n'),
        ("t.ndjson", '{"file_name": "a.png", "label": "cat"}\r\n{"label": "dog", "file_name": "b.png"}'),
    ],
)
def test_the_usual_ways_to_write_a_table_give_the_same_cells(read, name, text):
    found = read(text, name)
    assert found.columns[:2] == ("file_name", "label")
    assert [row[:2] for row in found.rows] == [("a.png", "cat"), ("b.png", "dog")]


def test_values_of_json_become_text_and_lists_nothing(read):
    (row,) = read('{"a": 1, "b": true, "c": null, "d": [1], "e": {"f": 1}, "g": 0.5, "h": "\u2028x"}', "t.jsonl").rows
    assert row == ("1", "true", "", "", "", "0.5", "x")


def test_a_short_row_ends_with_missing_values(read):
    assert read("a,b,c\n1\n").rows == [("1", "", "")]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.csv", 'a,b\n"x,y\n', "not a table of comma-separated values in UTF-8"),
        ("t.csv", "a,b\n1,2,3\n", "line 2 has 3 values for 2 columns"),
        ("t.csv", b"a,b\n\xff,1\n", "UTF-8"),
        ("t.csv", ",".join("a" * 2000), "2000 columns are more than 1000"),
        ("t.csv", "a,b\n" + "x" * 200_000 + ",1\n", "field larger than field limit"),
        ("t.jsonl", "[1]\n", "line 1 is no object"),
        ("t.jsonl", '{"a": \n', "not a table of JSON objects"),
        ("t.jsonl", "[" * 100_000, "not a table of JSON objects"),
        ("t.jsonl", "{" + ",".join(f'"{i}": 1' for i in range(2000)) + "}", "more than 1000 keys"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(read, name, data, message):
    with pytest.raises(UserError, match=message) as refusal:
        read(data, name)
    assert "\n" not in str(refusal.value)


def test_a_table_beyond_the_bound_is_refused_before_it_is_parsed(read, monkeypatch):
    monkeypatch.setattr(table, "MAX_TABLE_BYTES", 10)
    with pytest.raises(UserError, match="larger than"):
        read("a,b\n1,2\n3,4\n")


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path, "gone.csv")
