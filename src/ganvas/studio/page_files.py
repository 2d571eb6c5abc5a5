"""The files of the page, read once: nothing else below their folder, or above it, can be asked for."""

import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"


class PageFile(NamedTuple):
    """A file as it is sent."""

    content: bytes
    packed: bytes
    """The same with gzip, which every browser takes."""
    media_type: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Every file of the page by its path: `app.js`, `vendor/preact.js`."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix in TYPES:
            content = path.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            found[path.relative_to(FOLDER).as_posix()] = PageFile(
                content, gzip.compress(content, mtime=0), TYPES[path.suffix], etag
            )
    return found
