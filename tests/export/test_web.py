"""The page's files: whole, free of addresses, and with names as text alone. How it runs: `test_browser.py`."""

import base64
import gzip
import json
import lzma
import re
from importlib.resources import files as resources

import pytest

from ganvas.export import web
from ganvas.export.exportable import Exportable
from ganvas.export.web import PAGE, assign, web_files
from ganvas.networks.pair import Generator

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a\u2028b\x1b",
    "고양이",
    '"\\',
    "__proto__",
)


def value_of(script):
    text = script.decode("ascii")
    assert text.count("\n") == 1
    return json.loads(text.partition(" = ")[2].rstrip(";\n"))


def test_the_folder_holds_all_that_the_page_names(exportable):
    contents = web_files(exportable(), b"model")
    text = b"".join(contents[name] for name in ("index.html", "generator.js", "page.css")).decode()
    named = set(re.findall(r'(?:src|href)="([\w.-]+)"|script\("([\w.-]+)"\)', text))
    assert {name for pair in named for name in pair if name} | {"index.html"} == set(contents)


def test_no_file_of_the_page_names_a_place_elsewhere():
    for name in PAGE:
        text = (resources("ganvas.export") / "page" / name).read_text("utf-8")
        assert not re.search(r"(?:https?:)?//[a-z]+\.|fetch\(|XMLHttpRequest|innerHTML|insertAdjacentHTML|eval\(", text)
    page = (resources("ganvas.export") / "page" / "index.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert "connect-src 'none'" in page


def test_names_are_data_and_never_part_of_a_script(exportable):
    about = web_files(exportable(classes=HOSTILE), b"model")["about.js"]
    value = value_of(about)
    assert value["classes"][0] == HOSTILE[0]
    assert value["classes"][2] == "a\\u2028b\\x1b"
    assert value["classes"][3] == "고양이"


def test_the_model_and_the_runtime_are_in_scripts_whole(exportable):
    contents = web_files(exportable(), bytes(range(256)))
    assert base64.b64decode(value_of(contents["model.js"])) == bytes(range(256))
    wasm = gzip.decompress(base64.b64decode(value_of(contents["runtime.js"])["wasm"]))
    assert wasm[:4] == b"\0asm"
    vendor = resources("ganvas.export") / "page" / "vendor"
    assert wasm == lzma.decompress((vendor / "ort-wasm-simd-threaded.wasm.xz").read_bytes())
    assert b"MIT License" in contents["onnxruntime-LICENSE.txt"]


def test_equal_generators_give_equal_pages(exportable):
    assert web_files(exportable(), b"model") == web_files(exportable(), b"model")


def test_what_is_not_known_is_said_to_be_unknown(exportable):
    value = web.about(exportable())
    assert value["figures"] == []
    assert value["protocol"] == ""
    assert dict(value["facts"])["images"] == "19 x 19 pixels, colour"
    without = dict(web.about(exportable(classes=(), channels=1))["facts"])
    assert without["classes"] == "none: the generator was trained without labels"
    assert without["images"] == "19 x 19 pixels, grey"


def test_a_script_is_one_line_of_ascii():
    assert assign("X", ["\u2028é\n</script>"]) == b'window.X = ["\\u2028\\u00e9\\n</script>"];\n'


def test_the_model_is_made_where_none_is_given(exportable, monkeypatch):
    monkeypatch.setattr(web, "to_onnx", lambda run: b"made")
    run = exportable()
    assert isinstance(run, Exportable)
    assert isinstance(run.generator, Generator)
    assert base64.b64decode(value_of(web_files(run)["model.js"])) == b"made"


@pytest.mark.parametrize("name", ["ort.wasm.min.js", "ort-wasm-simd-threaded.mjs"])
def test_the_vendored_scripts_ask_for_no_map(name):
    assert "sourceMappingURL" not in (resources("ganvas.export") / "page" / "vendor" / name).read_text("utf-8")
