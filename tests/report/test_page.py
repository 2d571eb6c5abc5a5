"""Pages are one file, fetch nothing, and show hostile names as they are."""

from html.parser import HTMLParser

import pytest

from ganvas.report import page

HOSTILE = "<script>alert('1')</script>&amp;|`*_[x](y)![z](sheet.png)<b onclick=1>~$x$\x1b[31m\n# \\"
SHOWN = HOSTILE.replace("\x1b", "\\x1b").replace("\n", "\\n")


class Parsed(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize(
    "markdown",
    [
        f"# {page.escape_markdown(HOSTILE)}",
        f"- {page.escape_markdown(HOSTILE)}",
        f"A name: {page.escape_markdown(HOSTILE)}.",
        page.table([HOSTILE, "b"], [[HOSTILE, "1"]]),
    ],
)
def test_a_hostile_name_is_shown_and_never_run(markdown):
    text = page.render(markdown, HOSTILE, {"sheet.png": b"png"})
    parsed = Parsed(text)
    assert not {"script", "img", "b", "a", "code", "em"} & set(parsed.tags)
    assert not any(name.startswith("on") for name, _ in parsed.attributes)
    assert "\x1b" not in text
    assert SHOWN in "".join(parsed.words)


def test_raw_html_is_text_even_without_escaping():
    parsed = Parsed(page.render("<script>alert(1)</script>\n\nand <img src=x onerror=alert(1)>", "t", {}))
    assert not {"script", "img"} & set(parsed.tags)


def test_a_page_makes_no_requests_and_its_policy_forbids_them():
    text = page.render("![words](one.png) ![others](https://example.org/two.png)", "title", {"one.png": b"png"})
    assert "default-src 'none'" in text
    assert "http://" not in text
    assert "https://" not in text
    assert '<img alt="words" src="data:image/png;base64,cG5n">' in text


def test_the_alt_text_of_an_image_may_be_a_hostile_name():
    text = page.render(f"![{page.escape_markdown(HOSTILE)}](one.png)", "title", {"one.png": b"png"})
    parsed = Parsed(text)
    assert ("alt", SHOWN) in parsed.attributes
    assert parsed.tags.count("img") == 1


def test_an_image_that_is_not_given_is_left_out():
    assert "<img" not in page.render("![words](one.png)", "title", {"two.png": b"png"})


def test_a_sheet_of_small_images_keeps_hard_edges_and_a_drawing_its_kind():
    text = page.render("![a](s.png#pixels)\n\n![b](d.svg)", "title", {"s.png": b"png", "d.svg": b"<svg/>"})
    assert '<img class="pixels" alt="a"' in text
    assert '<img alt="b" src="data:image/svg+xml;base64,' in text


def test_a_table_has_a_cell_for_each_cell_whatever_is_in_it():
    parsed = Parsed(page.render(page.table(["a", "b"], [["|", "x"], ["", "`|"], ["\\", "\\|"]]), "title", {}))
    assert (parsed.tags.count("th"), parsed.tags.count("td")) == (2, 6)


def test_columns_of_figures_are_flush_right_and_words_flush_left():
    assert page.table(["a", "b", "c"], [["1", "1.5", "2"], ["2", "–", "two"]]).splitlines()[1] == "|---|---:|---|"


def test_markdown_in_a_table_stays_as_it_is_and_all_else_is_escaped():
    text = page.render(page.table(["a"], [[page.Markdown("[x](y.md)")], ["[x](y.md)"]]), "title", {})
    assert text.count('<a href="y.md">') == 1
