"""What a file is: by its suffix where that leaves no doubt, else by how its content begins."""

from pathlib import Path

from ganvas.encoded import format_of

# Files of these suffixes are opened as images, and their content decides. Those of the second group are of formats that
# are never read, or only where a reader is installed: such a file is refused by name and not silently ignored.
IMAGE_SUFFIXES = frozenset(
    (
        "png", "apng", "jpg", "jpeg", "jpe", "jfif", "mpo", "webp", "bmp", "dib", "gif", "tif", "tiff", "ppm", "pgm",
        "pbm", "pnm", "eps", "ps", "svg", "psd", "heic", "heif", "hif", "avif", "jxl", "jp2", "j2k", "jpf", "jpx",
        "ico", "icns", "tga", "pfm", "raw", "pcx", "exr", "hdr", "dds", "xcf", "dcm", "dicom", "fits", "qoi",
    )
)  # fmt: skip
# Raw files of cameras. Most are TIFF files whose first image is a small preview, which must not be taken for the photo.
CAMERA_SUFFIXES = frozenset(
    (
        "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw",
        "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
    )
)  # fmt: skip
# Files of these suffixes are no images, and are not opened to see whether they are: there may be one for each image.
OTHER_SUFFIXES = frozenset(
    (
        "txt", "md", "rst", "csv", "tsv", "json", "jsonl", "ndjson", "xml", "yaml", "yml", "toml", "ini", "cfg",
        "log", "html", "htm", "css", "js", "py", "ipynb", "sh", "pdf", "doc", "docx", "xls", "xlsx", "ods", "npy",
        "npz", "mat", "h5", "hdf5", "parquet", "arrow", "feather", "db", "sqlite", "pkl", "pickle", "pt", "pth",
        "ckpt", "safetensors", "onnx", "zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "mp4", "mov", "avi",
        "mkv", "webm", "mp3", "wav", "aae", "xmp",
    )
)  # fmt: skip
HEAD_BYTES = 1024


def suffix_of(name: str) -> str:
    """The suffix of a file's name in lower case, without the dot; empty where there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def is_image_name(name: str) -> bool | None:
    """Whether a file is an image by its suffix; None where its content must decide."""
    suffix = suffix_of(name)
    if suffix in IMAGE_SUFFIXES or suffix in CAMERA_SUFFIXES:
        return True
    inner = suffix_of(name.rpartition(".")[0])
    return False if suffix in OTHER_SUFFIXES and inner not in IMAGE_SUFFIXES else None


def is_image_file(path: Path) -> bool:
    """Whether the content of a file begins as an image's. An unreadable one counts as an image, to be refused."""
    try:
        with path.open("rb", buffering=0) as file:
            return format_of(file.read(HEAD_BYTES)) is not None
    except (OSError, ValueError):
        return True
