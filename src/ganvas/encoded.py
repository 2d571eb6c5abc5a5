"""The bytes of an encoded image: which format they begin like, and the image without what is optional in it."""

import re
import struct
from collections.abc import Iterable, Iterator
from zlib import crc32

# How files begin, of formats that are read and of others that a refusal should name.
PREFIXES = {
    b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF87a": "GIF", b"GIF89a": "GIF", b"II*\0": "TIFF",
    b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF", b"8BPS": "PSD", b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS",
    b"\0\0\0\x0cJXL ": "JPEG XL", b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xffO\xffQ": "JPEG 2000",
    b"\0\0\1\0": "ICO", b"icns": "ICNS", b"v/1\x01": "EXR", b"#?RADIANCE": "HDR", b"DDS ": "DDS", b"qoif": "QOI",
    b"SIMPLE  =": "FITS", b"gimp xcf": "XCF", b"FUJIFILMCCD-RAW": "RAF", b"FOVb": "X3F", b"IIRO": "ORF",
    b"IIRS": "ORF", b"MMOR": "ORF", b"IIU\0": "RW2",
    b"%PDF": "PDF",
}  # fmt: skip
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What decides how the first frame looks, as we decode it: no text, colour profile or time.
PNG_CHUNKS = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"))
WEBP_CHUNKS = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"))
AVIF_BRANDS = frozenset((b"avif", b"avis"))
HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"))


def heif_kind(data: bytes) -> str | None:
    """`AVIF` or `HEIC` by the brands that a file names at its start; None for any other file."""
    if data[4:8] != b"ftyp":
        return None
    length = min(max(int.from_bytes(data[:4], "big"), 12), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, length - 3, 4))}
    # Both kinds may name the container's own brand mif1, so what they are coded with is looked for first.
    return "AVIF" if brands & AVIF_BRANDS else "HEIC" if brands & HEIF_BRANDS else None


def format_of(head: bytes) -> str | None:
    """The image format of a file by its first bytes; None for anything that is no image."""
    if head[4:8] == b"ftyp":
        return "CR3" if head[8:12] == b"crx " else heif_kind(head)
    if head[:4] == b"RIFF":
        return "WEBP" if head[8:12] == b"WEBP" else None
    if head[:2] == b"BM":  # two letters, which a text may begin with; the reserved bytes are zero
        return "BMP" if head[6:10] == bytes(4) else None
    if re.match(rb"P[1-7]\s+(#|\d|WIDTH)", head):
        return "PNM"
    if head[128:132] == b"DICM":
        return "DICOM"
    if re.match(rb"(\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE svg|svg)", head) and b"<svg" in head:
        return "SVG"
    return next((name for prefix, name in PREFIXES.items() if head.startswith(prefix)), None)


def unread_reason(data: bytes, formats: Iterable[str]) -> str:
    """Why bytes that are not of one of the formats are no image."""
    kind = format_of(data) or "this"
    if kind in (*formats, "AVIF", "HEIC"):
        return f"damaged: this {kind} file cannot be opened"
    return f"{kind} is not a format that is read ({', '.join(formats)}, AVIF, HEIC), or its start is damaged"


def without_metadata(data: bytes) -> bytes | None:
    """A PNG, JPEG or WebP with its pixels alone, so that damaged text or profiles spoil nothing; None for others.

    What is damaged among the pixels stays as it is.
    """
    if data.startswith(PNG_SIGNATURE):
        return PNG_SIGNATURE + b"".join(_png_chunks(data))
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_without_segments(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        body = b"WEBP" + b"".join(_webp_chunks(data))
        return b"RIFF" + struct.pack("<I", len(body)) + body
    return None


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The chunks that matter, up to the end of the image."""
    at, has_pixels = len(PNG_SIGNATURE), False
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunk = data[at : at + 12 + length]
        # The orientation is kept where it is whole.
        if kind in PNG_CHUNKS or (kind == b"eXIf" and chunk[-4:] == struct.pack(">I", crc32(chunk[4:-4]))):
            yield chunk
        has_pixels = has_pixels or kind == b"IDAT"
        if kind == b"IEND":
            return
        at += 12 + length
    if has_pixels:  # cut off after the pixels, or among them: the decoder knows
        yield b"\0\0\0\0IEND" + struct.pack(">I", crc32(b"IEND"))


def _jpeg_without_segments(data: bytes) -> bytes:
    """Without comments and application segments, except what says how the colours are coded and which way is up."""
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xDA:  # the pixels
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        is_optional = 0xE0 <= marker <= 0xEF or marker == 0xFE
        is_whole = data[at + 4 : at + 9] in (b"JFIF\0", b"Adobe", b"Exif\0") and end - at >= 16
        if not is_optional or is_whole:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 < len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        if kind == b"VP8X":  # its flags announce a profile (32), EXIF (8) and XMP (4), which are left out
            yield data[at : at + 8] + bytes([data[at + 8] & ~44]) + data[at + 9 : end]
        elif kind in WEBP_CHUNKS:
            yield data[at:end]
        at = end
