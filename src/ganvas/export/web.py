"""A page that generates images in the visitor's browser: the model, a runtime for it, and what is known of both.

Everything lies in the folder, as files that a page opened from a disk may load as well: scripts and a style sheet. The
runtime is ONNX Runtime Web (`page/vendor/`), compiled to WebAssembly.
"""

import base64
import gzip
import json
import lzma
from importlib.resources import files as resources

from ganvas.console import printable
from ganvas.export.exportable import Exportable
from ganvas.export.figures import protocol_in_words, scored_figures, training_facts
from ganvas.export.onnx import to_onnx
from ganvas.sampling import noise_purpose

PAGE = ("index.html", "page.css", "noise.js", "generator.js", "page.js")


def web_files(run: Exportable, model: bytes | None = None) -> dict[str, bytes]:
    """The files of `ganvas export RUN --to web`. Errors as of `to_onnx`; `model` is its result, where it is known."""
    content = to_onnx(run) if model is None else model
    place = resources("ganvas.export") / "page"
    return {
        **{name: (place / name).read_bytes() for name in PAGE},
        "about.js": assign("GANVAS", about(run)),
        "model.js": assign("GANVAS_MODEL", base64.b64encode(content).decode("ascii")),
        **runtime_files(),
    }


def runtime_files() -> dict[str, bytes]:
    """ONNX Runtime Web with its licence. The WebAssembly is kept compressed, and handed to browsers compressed."""
    vendor = resources("ganvas.export") / "page" / "vendor"
    wasm = lzma.decompress((vendor / "ort-wasm-simd-threaded.wasm.xz").read_bytes())
    packed = gzip.compress(wasm, 9, mtime=0)  # browsers unpack gzip by themselves, and xz not
    glue = (vendor / "ort-wasm-simd-threaded.mjs").read_text("utf-8")
    notices = "onnxruntime-ThirdPartyNotices.txt"
    return {
        "ort.js": (vendor / "ort.wasm.min.js").read_bytes(),
        "runtime.js": assign("GANVAS_RUNTIME", {"glue": glue, "wasm": base64.b64encode(packed).decode("ascii")}),
        "onnxruntime-LICENSE.txt": (vendor / "onnxruntime-LICENSE.txt").read_bytes(),
        notices: lzma.decompress((vendor / f"{notices}.xz").read_bytes()),
    }


def about(run: Exportable) -> dict[str, object]:
    """What the page shows and needs beside the model. Names may be hostile: the page sets them as text alone."""
    info, card = run.info, run.card
    return {
        "name": printable(run.name),
        "classes": [printable(name) for name in info.classes],
        "image": info.shape.image,
        "noise": run.generator.noise_size,
        "purpose": noise_purpose(None),
        "purposes": [noise_purpose((label,)) for label in range(len(info.classes))],
        "facts": [[fact, printable(value)] for fact, value in training_facts(run)],
        "figures": [] if card is None else [[each.name, each.text, each.real] for each in scored_figures(card)],
        "protocol": "" if card is None else printable(protocol_in_words(card)),
    }


def assign(name: str, value: object) -> bytes:
    """A script that gives `window` a value. In ASCII, so that no name ends a line or the script."""
    return f"window.{name} = {json.dumps(value)};\n".encode("ascii")
