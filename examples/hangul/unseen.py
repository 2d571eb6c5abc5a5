"""A sheet of the syllables that no training has seen: drawn by a run, beside the fonts.

python unseen.py RUN [--style NAME] [--out unseen.png]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from render import unseen_syllables
from syllables import SIZE_PIXELS, STYLES, Pen, parts

import ganvas

COLUMNS, ROWS = 24, 6


def main() -> None:
    """Pairs of lines: above what the run draws, below what the font has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--style", choices=list(STYLES), default="myeongjo")
    parser.add_argument("--out", type=Path, default=Path("unseen.png"))
    choices = parser.parse_args()
    syllables = sorted(unseen_syllables())[:: 350 // (COLUMNS * ROWS)][: COLUMNS * ROWS]
    names = ("initial", "vowel", "final", "style")
    labels = [dict(zip(names, (*parts(syllable), choices.style), strict=True)) for syllable in syllables]
    drawn, pen = np.asarray(ganvas.load(choices.run).sample(labels)), Pen(choices.style)
    sheet = Image.new("L", (COLUMNS * SIZE_PIXELS, ROWS * (2 * SIZE_PIXELS + 8)))
    for index, syllable in enumerate(syllables):
        left, top = index % COLUMNS * SIZE_PIXELS, index // COLUMNS * (2 * SIZE_PIXELS + 8)
        sheet.paste(Image.fromarray(drawn[index, 0]), (left, top))
        sheet.paste(pen.draw(syllable), (left, top + SIZE_PIXELS))
    ImageOps.invert(sheet).save(choices.out)
    print(choices.out)


if __name__ == "__main__":
    main()
