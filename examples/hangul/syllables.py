"""Korean syllables as parts, and as images in the fonts of this machine."""

import subprocess
from pathlib import Path
from unicodedata import normalize

from PIL import Image, ImageDraw, ImageFont

INITIALS = tuple("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")
VOWELS = tuple("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ")
NO_FINAL = "none"
FINALS = (NO_FINAL, *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
FIRST = ord("가")  # the Unicode standard, section 3.12: 19 x 21 x 28 syllables in the order of their parts

STYLES = {
    "gothic": ("NanumGothic", "Bold"),
    "myeongjo": ("NanumMyeongjo", "Bold"),
    "round": ("NanumSquareRound", "ExtraBold"),
    "pen": ("Nanum Pen Script", "Regular"),
    "gungseo": ("UnGungseo", "Regular"),
    "barunpen": ("NanumBarunpen", "Bold"),
}
"""A font family and its weight for each style; the names stand for how a style looks, not for who made it."""

SIZE_PIXELS, DRAWN_LARGER = 32, 8
INK_PIXELS = 28  # the longer side of the ink of a large syllable: 19 of 20 are smaller


def parts(syllable: str) -> tuple[str, str, str]:
    """(initial, vowel, final) of one syllable: 한 -> ㅎ, ㅏ, ㄴ. ValueError where it is not one."""
    index = ord(normalize("NFC", syllable)) - FIRST
    if not 0 <= index < len(INITIALS) * len(VOWELS) * len(FINALS):
        raise ValueError(f"{syllable!r} is not a Korean syllable")
    index, final = divmod(index, len(FINALS))
    initial, vowel = divmod(index, len(VOWELS))
    return INITIALS[initial], VOWELS[vowel], FINALS[final]


def common_syllables() -> list[str]:
    """The 2,350 syllables of the standard KS X 1001, which Python's codec knows."""
    found = []
    for code in range(FIRST, FIRST + len(INITIALS) * len(VOWELS) * len(FINALS)):
        try:
            chr(code).encode("euc_kr")
        except UnicodeEncodeError:
            continue
        if len(chr(code).encode("euc_kr")) == 2:  # the others it spells by their parts, in eight bytes
            found.append(chr(code))
    return found


def find_font(style: str) -> Path:
    """The file of a style's font, by fontconfig. SystemExit with what to install where it is missing."""
    family, weight = STYLES[style]
    listed = subprocess.run(
        ["fc-list", f":family={family}", "file", "style"], capture_output=True, text=True, check=True
    ).stdout
    for line in sorted(listed.splitlines()):
        file, _, names = line.partition(": ")
        if weight in names.removeprefix(":style=").split(","):
            return Path(file.removesuffix(":"))
    raise SystemExit(f"no font {family} {weight}: apt-get install fonts-nanum fonts-nanum-extra fonts-unfonts-core")


class Pen:
    """Draws the syllables of one style, all at one scale."""

    def __init__(self, style: str) -> None:
        self.font = ImageFont.truetype(find_font(style), SIZE_PIXELS * DRAWN_LARGER)
        boxes = [self.font.getbbox(syllable) for syllable in common_syllables()]
        sides = sorted(max(right - left, bottom - top) for left, top, right, bottom in boxes)
        longest = sides[len(sides) * 19 // 20]
        self.font = self.font.font_variant(size=round(SIZE_PIXELS * DRAWN_LARGER**2 * INK_PIXELS / longest))

    def draw(self, syllable: str) -> Image.Image:
        """One syllable, white on black, 32 x 32 px, its ink in the middle."""
        side = SIZE_PIXELS * DRAWN_LARGER
        canvas = Image.new("L", (side, side))
        left, top, right, bottom = self.font.getbbox(syllable)
        place = ((side - left - right) / 2, (side - top - bottom) / 2)
        ImageDraw.Draw(canvas).text(place, syllable, fill=255, font=self.font)
        return canvas.resize((SIZE_PIXELS, SIZE_PIXELS), Image.Resampling.BOX)
