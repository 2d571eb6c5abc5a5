"""Writes a text with the syllables that a run draws, in one style or in all: one line of PNG a style.

python write.py RUN TEXT [--style NAME] [--out text.png] [--seed 0]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from syllables import SIZE_PIXELS, STYLES, parts

import ganvas

LARGER = 3


def main() -> None:
    """Draws each syllable by its parts; other characters are left empty."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("text")
    parser.add_argument("--style", choices=list(STYLES), help="left open: a line for each")
    parser.add_argument("--out", type=Path, default=Path("text.png"))
    parser.add_argument("--seed", type=int, default=0)
    choices = parser.parse_args()
    styles = [choices.style] if choices.style else list(STYLES)
    places, labels = [], []
    for row, style in enumerate(styles):
        for column, character in enumerate(choices.text):
            try:
                initial, vowel, final = parts(character)
            except ValueError:
                continue
            places.append((column * SIZE_PIXELS, row * SIZE_PIXELS))
            labels.append({"initial": initial, "vowel": vowel, "final": final, "style": style})
    if not labels:
        raise SystemExit(f"{choices.text!r} holds no Korean syllable")
    page = Image.new("L", (len(choices.text) * SIZE_PIXELS, len(styles) * SIZE_PIXELS))
    for place, image in zip(
        places, np.asarray(ganvas.load(choices.run).sample(labels, seed=choices.seed)), strict=True
    ):
        page.paste(Image.fromarray(image[0]), place)
    page = ImageOps.invert(page)  # black on white
    page.resize((page.width * LARGER, page.height * LARGER), Image.Resampling.BICUBIC).save(choices.out)
    print(choices.out)


if __name__ == "__main__":
    main()
