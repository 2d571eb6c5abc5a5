import gzip
import json
import re

from ganvas.studio.page_files import FOLDER, page_files
from ganvas.studio.summaries import RunState

OURS = {path: file.content.decode() for path, file in page_files().items() if not path.startswith("vendor/")}
WORDS = {path: json.loads(text) for path, text in OURS.items() if path.startswith("words/")}
SCRIPTS = {path: text for path, text in OURS.items() if path.endswith(".js")}


def keys_used() -> set[str]:
    """Every key that the page asks for in its words."""
    found = set()
    for text in SCRIPTS.values():
        found |= set(re.findall(r'\bt\("([^"]+)"', text)) | set(re.findall(r'act\(.*?, "([^"]+)"\)', text))
    states = RunState.__args__
    presets = re.findall(r'"([\w-]+)"', re.search(r"PRESETS = \[(.*?)\]", SCRIPTS["break.js"])[1])
    found |= {f"break {preset}{when}" for preset in presets for when in ("", " before", " after")}
    found |= {f"state {state}" for state in states} | {"auto", "light", "dark"}
    return found | set(re.findall(r'"(\w+)"', re.search(r"VIEWS = \[(.*?)\]", SCRIPTS["run.js"])[1]))


def test_every_language_has_every_word_and_no_other():
    assert set(WORDS) == {"words/en.json", "words/ko.json"}
    for path, words in WORDS.items():
        assert set(words) == keys_used(), path
        assert all(isinstance(word, str) and word.strip() for word in words.values())


def test_every_translation_fills_in_the_same_values():
    english, korean = WORDS["words/en.json"], WORDS["words/ko.json"]
    for key in english:
        assert set(re.findall(r"\{\w+\}", english[key])) == set(re.findall(r"\{\w+\}", korean[key])), key


def test_korean_is_korean():
    foreign = [key for key, word in WORDS["words/ko.json"].items() if not re.search("[가-힣]", word)]
    assert foreign == ["{n} px"]


def test_every_language_can_be_chosen():
    names = re.search(r"LANGUAGES = \{(.*?)\}", SCRIPTS["words.js"])[1]
    assert {f"words/{name}.json" for name in re.findall(r"(\w+):", names)} == set(WORDS)


def test_the_page_is_below_75_kb_as_it_is_sent():
    sent = {path: len(file.packed) for path, file in page_files().items() if path != "vendor/LICENSES.txt"}
    assert sum(sent.values()) < 75_000, sent


def test_what_is_sent_packed_is_the_file():
    for path, file in page_files().items():
        assert gzip.decompress(file.packed) == file.content, path


def test_the_page_names_no_other_server():
    for path, text in OURS.items():
        addresses = set(re.findall(r"(?:https?:)?//[a-z][\w.-]+\.[a-z]+", text)) - {"//www.w3.org", "http://www.w3.org"}
        assert not addresses, path


def test_the_page_needs_nothing_that_the_policy_forbids():
    assert "<style" not in OURS["index.html"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", OURS["index.html"])
    assert not re.search(r'\bon\w+="', OURS["index.html"])
    for path, text in SCRIPTS.items():
        assert not re.search(r"\beval\(|innerHTML|new Function|style=\"", text), path


def test_every_import_of_a_module_is_a_file_of_the_page():
    for path, text in SCRIPTS.items():
        for name in re.findall(r'from "\./([^"]+)"', text):
            assert name in page_files(), (path, name)


def test_what_is_vendored_has_its_licence():
    text = (FOLDER / "vendor" / "LICENSES.txt").read_text("utf-8")
    for name in ("uPlot", "Preact", "htm 3", "MIT License", "Apache License"):
        assert name in text
    named = set(re.findall(r"^(\S+\.(?:js|css))", text, re.MULTILINE)) | {"uPlot.css"}
    assert {path.name for path in (FOLDER / "vendor").iterdir()} - {"LICENSES.txt"} == named
