"""Reports are written once, as markdown, and rendered to HTML. Text is escaped here and nowhere else.

Names of classes, runs and files are untrusted. `escape_markdown` makes them plain text in markdown, and the renderer
passes no raw HTML through, so a class named `<script>` is shown and never run.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ganvas import console

if TYPE_CHECKING:
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

STYLE = """
:root { color-scheme: light dark; --ink: #2b2b33; --pale: #6d6d78; --line: #e3e3e8; --paper: #fff; --card: #f7f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf1; --pale: #a3a3ae; --line: #3a3a44; --paper: #1b1b20; --card: #26262d; } }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p, li { margin: .4rem 0; max-width: 46rem; } p:has(img) { max-width: none; } em { color: var(--pale); }
ul { padding-left: 1.3rem; } li::marker { color: var(--pale); }
blockquote { margin: .8rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--pale); }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .8rem; border-bottom: 1px solid var(--line); }
th { color: var(--pale); font-weight: 600; } td[style] { white-space: nowrap; }
img { max-width: 100%; margin: .4rem .6rem .4rem 0; border-radius: .4rem; background: #fff; vertical-align: top; }
img.pixels { image-rendering: pixelated; }
code, pre { background: var(--card); border-radius: .3rem; padding: .1rem .3rem; } pre { overflow-x: auto; }
"""
# The policy forbids scripts and all requests: a page is one self-contained file.
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""
SPECIAL = frozenset("\\`*_{}[]<>#|&~$")


class Markdown(str):
    """Text that is markdown already, such as a link, which `table` does not escape."""

    __slots__ = ()


def render(markdown: str, title: str, images: Mapping[str, bytes]) -> str:
    """Markdown -> a whole HTML page with its images inside: see `fragment`."""
    top = f"{HEAD}<title>{escape(console.printable(title))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    return f"{top}{fragment(markdown, images)}</body>\n</html>\n"


def fragment(markdown: str, images: Mapping[str, bytes]) -> str:
    """Markdown -> the body of an HTML page, or the output of a cell in a notebook.

    images: PNG (or SVG) files by their name in the markdown; an image that is missing here is left out.
    `![words](sheet.png#pixels)` marks a sheet of small images, which browsers enlarge with hard edges.
    """
    from markdown_it import MarkdownIt

    # CommonMark's preset with `html` off, since it would let raw HTML through.
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(html: "RendererHTML", tokens: Sequence["Token"], index: int, options: Any, env: Any) -> str:
        name, _, mark = str(tokens[index].attrs["src"]).partition("#")
        if name not in images:
            return ""
        words = html.renderInlineAsText(tokens[index].children, options, env)
        mime = "svg+xml" if name.endswith(".svg") else "png"
        data = base64.b64encode(images[name]).decode("ascii")
        edges = ' class="pixels"' if mark == "pixels" else ""
        return f'<img{edges} alt="{escape(words)}" src="data:image/{mime};base64,{data}">'

    renderer.add_render_rule("image", image)
    # A table wider than the window scrolls by itself.
    renderer.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    renderer.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return str(renderer.render(markdown))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table with escaped cells; from the second on, a column of numbers or dashes is flush right."""
    rows = list(rows)
    flush_right = [all(row[column][:1] in "–-−+0123456789" for row in rows) for column in range(1, len(head))]
    bar = "".join("---:|" if right else "---|" for right in flush_right)
    lines = [
        f"| {' | '.join(cell if isinstance(cell, Markdown) else escape_markdown(cell) for cell in row)} |"
        for row in [head, *rows]
    ]
    return "\n".join([lines[0], f"|---|{bar}", *lines[1:]]) + "\n"


def escape_markdown(text: object) -> str:
    """`str(text)` escaped so that markdown shows it unchanged, on one line."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in console.printable(str(text)))
