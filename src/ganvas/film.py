"""Previews as a film (GIF)."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

LARGEST_SIDE = 800


def film_bytes(files: Sequence[Path], milliseconds: int = 80, last_milliseconds: int = 2_000) -> bytes:
    """A GIF with a frame for each PNG file, of at most 800 px. OSError if one cannot be read.

    Frames are shrunk by a whole factor, each pixel the nearest one, so that enlarged pixels stay square.
    """
    from PIL import Image

    frames = []
    for path in files:
        with Image.open(path, formats=("PNG",)) as opened:
            factor = -(-max(opened.size) // LARGEST_SIDE)
            size = max(1, opened.width // factor), max(1, opened.height // factor)
            frame = opened.convert("RGB") if factor == 1 else opened.convert("RGB").resize(size, Image.Resampling.BOX)
        frames.append(frame.convert("P", palette=Image.Palette.ADAPTIVE, colors=128))
    content = BytesIO()
    durations = [milliseconds] * (len(frames) - 1) + [last_milliseconds]
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return content.getvalue()
