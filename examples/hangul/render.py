"""Renders the 2,350 common Korean syllables in six styles: 2,000 to train on, 350 that no training sees.

python render.py FOLDER
"""

import csv
import random
import sys
from pathlib import Path

from syllables import STYLES, Pen, common_syllables, parts

UNSEEN, SEED = 350, 0


def unseen_syllables() -> set[str]:
    """350 syllables, drawn by a fixed seed, without which every initial, vowel and final still occurs in ten others."""
    syllables = common_syllables()
    random.Random(SEED).shuffle(syllables)
    left: dict[tuple[int, str], int] = {}
    for syllable in syllables:
        for place in enumerate(parts(syllable)):
            left[place] = left.get(place, 0) + 1
    chosen: set[str] = set()
    for syllable in syllables:
        places = list(enumerate(parts(syllable)))
        if len(chosen) < UNSEEN and all(left[place] > 10 for place in places):
            chosen.add(syllable)
            for place in places:
                left[place] -= 1
    return chosen


def main(folder: Path) -> None:
    """Writes FOLDER/STYLE/SYLLABLE.png and FOLDER/metadata.csv with the parts of each image and its split."""
    unseen = unseen_syllables()
    rows = []
    for style in STYLES:
        pen = Pen(style)
        (folder / style).mkdir(parents=True, exist_ok=True)
        for syllable in common_syllables():
            name = f"{style}/{syllable}.png"
            pen.draw(syllable).save(folder / name)
            rows.append([name, *parts(syllable), style, "test" if syllable in unseen else "train"])
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "initial", "vowel", "final", "style", "split"])
        table.writerows(rows)
    print(f"{len(rows)} images in {folder}; {len(unseen)} syllables are in the split test alone")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
