"""Pages are one file, fetch nothing, and show hostile names as they are."""

from html.parser import HTMLParser

import pytest

from ganvas.report import page

HOSTILE = "<script>alert('1')</script>&\x1b[31m"


class Seen(HTMLParser):
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
    "part",
    [
        page.heading(HOSTILE),
        page.paragraph(HOSTILE),
        page.tiles([(HOSTILE, HOSTILE, HOSTILE)]),
        page.says([("good", HOSTILE)]),
        page.image(b"png", HOSTILE, HOSTILE),
        page.table([HOSTILE], [[HOSTILE]]),
        page.facts([(HOSTILE, HOSTILE)]),
        page.page(HOSTILE, []),
    ],
)
def test_a_hostile_name_is_shown_and_never_run(part):
    seen = Seen(part)
    assert "script" not in seen.tags
    assert not any(name.startswith("on") for name, _ in seen.attributes)
    assert "\x1b" not in part
    assert "alert('1')" in "".join(seen.words) + str(seen.attributes)


def test_a_page_fetches_nothing_and_says_so_to_the_browser():
    text = page.page("title", [page.image(b"png", "words", "alternative", pixels=True)])
    assert "default-src 'none'" in text
    assert "http://" not in text
    assert "https://" not in text
    assert 'src="data:image/png;base64,cG5n"' in text


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.5, 1.0, 7.0])
def test_a_bar_stays_within_its_place(value):
    drawn = page.bar(value, value, value - 0.1, value + 0.1)
    numbers = [float(v) for name, v in Seen(drawn).attributes if name in ("width", "x1", "x2")]
    assert all(0 <= number <= 100 for number in numbers)


def test_only_our_own_drawings_go_into_a_table_unescaped():
    assert "<svg" in page.table(["a"], [[page.bar(0.5, None)]])
    assert "<svg" not in page.table(["a"], [["<svg></svg>"]])
