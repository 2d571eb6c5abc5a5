"""One-file HTML pages: everything inside, nothing fetched, readable by day and by night.

All text is escaped here and nowhere else: names of classes and runs are other people's.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from ganvas import console

STYLE = """
:root { color-scheme: light dark; --ink: #2b2b33; --pale: #6d6d78; --line: #e3e3e8; --paper: #ffffff; --card: #f7f7f9;
  --blue: #2f6db3; --orange: #d9722b; --green: #2c8c5e; --red: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --pale: #a3a3ae; --line: #3a3a44; --paper: #1b1b20;
  --card: #26262d; --blue: #7fb0ea; --orange: #f0a06a; --green: #6cc79a; --red: #ee8079; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p { margin: .4rem 0; max-width: 46rem; } .pale { color: var(--pale); } small { color: var(--pale); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.4rem 0; }
.tile { background: var(--card); border-radius: .6rem; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.55rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: .82rem; color: var(--pale); }
.good { color: var(--green); } .bad { color: var(--red); }
ul.says { padding: 0; list-style: none; } ul.says li { padding: .3rem 0 .3rem 1.5rem; position: relative; }
ul.says li::before { content: "\\25CF"; position: absolute; left: .2rem; color: var(--pale); }
ul.says li.good::before { color: var(--green); } ul.says li.bad::before { color: var(--red); }
ul.says li { color: var(--ink); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap;
  font-variant-numeric: tabular-nums; } th:first-child, td:first-child { text-align: left; }
th { color: var(--pale); font-weight: 600; }
td.bar { min-width: 9rem; } td.bar svg { display: block; width: 100%; height: 1rem; }
figure { margin: .8rem 0; } figure img { max-width: 100%; border-radius: .4rem; background: #fff; }
img.pixels { image-rendering: pixelated; } figure.narrow img { max-width: 34rem; width: 100%; }
figcaption { font-size: .85rem; color: var(--pale); }
.side { display: flex; flex-wrap: wrap; gap: 1.25rem; } .side figure { flex: 1 1 18rem; margin: .4rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: .85rem; }
dt { color: var(--pale); } dd { margin: 0; overflow-wrap: anywhere; }
"""


HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page."""
    head = f"{HEAD}<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    return head + "\n".join(parts) + "\n</body>\n</html>\n"


def text(value: object) -> str:
    """Anything as text that HTML shows as it is."""
    return escape(console.printable(str(value)))


def heading(words: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{text(words)}</h{level}>"


def paragraph(words: str, pale: bool = False) -> str:
    """A paragraph."""
    return f'<p class="pale">{text(words)}</p>' if pale else f"<p>{text(words)}</p>"


def tiles(items: Iterable[tuple[str, str, str]]) -> str:
    """(figure, what it is, what to hold it against) side by side."""
    cells = (
        f'<div class="tile"><span>{text(what)}</span><b>{text(figure)}</b><span>{text(beside)}</span></div>'
        for figure, what, beside in items
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def says(sentences: Iterable[tuple[str, str]]) -> str:
    """(good, bad or nothing; sentence) as a list with coloured dots."""
    items = (f'<li class="{text(mood)}">{text(sentence)}</li>' for mood, sentence in sentences)
    return f'<ul class="says">{"".join(items)}</ul>'


def image(png: bytes, caption: str, alternative: str, pixels: bool = False, narrow: bool = False) -> str:
    """A PNG inside the page. `pixels`: shown with hard edges; `narrow`: not over the whole width."""
    data = base64.b64encode(png).decode("ascii")
    shown = ' class="pixels"' if pixels else ""
    words = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    size = ' class="narrow"' if narrow else ""
    return f'<figure{size}><img{shown} alt="{text(alternative)}" src="data:image/png;base64,{data}">{words}</figure>'


def side_by_side(parts: Iterable[str]) -> str:
    """Figures beside each other where there is room."""
    return f'<div class="side">{"".join(parts)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. A cell that begins with <svg is a drawing of ours and stays as it is."""
    top = "".join(f"<th>{text(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(cell: str) -> str:
    if isinstance(cell, Drawing):
        return f'<td class="bar">{cell}</td>'
    return f"<td>{text(cell)}</td>"


class Drawing(str):
    """SVG made here, which is not escaped."""

    __slots__ = ()


def bar(value: float, mark: float | None, low: float | None = None, high: float | None = None) -> Drawing:
    """A bar from 0 to `value` of 1, its interval as a thin line, and a mark to hold it against."""
    share, parts = max(0.0, min(1.0, value)), []
    parts.append('<rect x="0" y="3" width="100" height="6" rx="1" fill="var(--line)"/>')
    parts.append(f'<rect x="0" y="3" width="{100 * share:.2f}" height="6" rx="1" fill="var(--blue)"/>')
    if low is not None and high is not None:
        parts.append(
            f'<line x1="{_within(low):.2f}" x2="{_within(high):.2f}" y1="6" y2="6" '
            'stroke="var(--ink)" stroke-width="1"/>'
        )
    if mark is not None:
        place = 100 * max(0.0, min(1.0, mark))
        parts.append(f'<rect x="{place - 0.4:.2f}" y="0" width="0.8" height="12" fill="var(--orange)"/>')
    return Drawing(f'<svg viewBox="0 0 100 12" preserveAspectRatio="none">{"".join(parts)}</svg>')


def _within(share: float) -> float:
    """A share in hundredths, kept from 0 to 100."""
    return 100 * max(0.0, min(1.0, share))


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values, small."""
    return f"<dl>{''.join(f'<dt>{text(name)}</dt><dd>{text(value)}</dd>' for name, value in pairs)}</dl>"
