"""A folder for the Hugging Face Hub: weights, ONNX, the page and a card, with no code to trust."""

from collections.abc import Iterator

from ganvas import files
from ganvas.evaluation.report import findings
from ganvas.evaluation.scorecard import Scorecard
from ganvas.export.exportable import Exportable
from ganvas.export.figures import protocol_in_words, scored_figures, training_facts
from ganvas.export.onnx import MODEL, to_onnx
from ganvas.export.web import web_files
from ganvas.report.page import escape_markdown, table
from ganvas.runs.bundle import PUBLISHED
from ganvas.runs.hub import front_matter

MOST_CLASSES_NAMED = 200


def hub_files(run: Exportable, licence: str = "unknown", name: str | None = None) -> dict[str, bytes]:
    """The files of `ganvas export RUN --to hub`. Errors as of `to_onnx`.

    licence: as the Hub writes it. name: `owner/name`, where it will be.
    """
    model = to_onnx(run)
    config, weights = PUBLISHED
    return {
        "README.md": card(run, licence, name or "OWNER/NAME").encode("utf-8"),
        config: files.to_json(run.info.model_dump(mode="json")),
        weights: run.weights(),
        MODEL: model,
        **web_files(run, model),
    }


def card(run: Exportable, licence: str, name: str) -> str:
    """The model card: what is known from the record and the scorecard, and nothing else."""
    scored = [] if run.card is None else list(scored_figures(run.card))
    figures = [(each.kind, each.name, float(f"{each.value:.6g}")) for each in scored]
    top = front_matter(run.name, licence, run.info.source, hub_dataset(run), figures)
    parts = [
        f"# {escape_markdown(run.name)}",
        *introduction(run),
        *loading(run, name),
        "## Training",
        table(["fact", "value"], training_facts(run)),
        "## Measurements",
        *(measurements(run.card) if run.card else ["These weights were not scored, so nothing is known of quality."]),
        "## Data and licence",
        *data_and_licence(run, licence),
        "## Limits",
        "\n".join(f"- {limit}" for limit in limits(run)),
    ]
    return f"---\n{top.strip()}\n---\n\n" + "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def hub_dataset(run: Exportable) -> str | None:
    """The set on the Hub that a run was trained on; None where it lay elsewhere."""
    source = run.record.run.source if run.record else ""
    return source.removeprefix("hf:") if source.startswith("hf:") else None


def introduction(run: Exportable) -> Iterator[str]:
    """What the generator is, and its classes."""
    _, height, width = run.info.shape.image
    kind = "A class-conditional image generator" if run.info.classes else "An image generator without classes"
    yield f"{kind}, a GAN trained with ganvas. Its images have {width} x {height} pixels."
    if classes := run.info.classes:
        named = ", ".join(map(escape_markdown, classes[:MOST_CLASSES_NAMED]))
        more = f" and {len(classes) - MOST_CLASSES_NAMED} more" if len(classes) > MOST_CLASSES_NAMED else ""
        yield f"Classes: {named}{more}."


def loading(run: Exportable, name: str) -> Iterator[str]:
    """How to use it, in three ways."""
    asked = f"[{run.info.classes[0]!r}] * 8" if run.info.classes else "8"
    yield "## How to load"
    yield f"With ganvas, from Python{', by the names of classes' if run.info.classes else ''}:"
    yield (
        f'```python\nimport ganvas\n\nimages = ganvas.load("{name}").sample({asked}, seed=1)  # (8, C, H, W) uint8\n```'
    )
    inputs = f"`noise` (N, {run.generator.noise_size}) of standard normal values"
    inputs += f" and `weights` (N, {run.generator.classes}) of the classes" if run.info.classes else ""
    yield (
        f"With any ONNX runtime: `{MODEL}` takes {inputs}, and gives `images` (N, C, H, W) in [-1, 1]. In a browser: "
        "download this folder and open `index.html`; it works without a network."
    )
    yield "No code of this repository is run: the weights are safetensors, and ganvas checks their sha256 and shapes."


def measurements(scorecard: Scorecard) -> Iterator[str]:
    """The figures with their protocol, and what the scorecard says of them."""
    rows = [[each.name, each.text, each.real] for each in scored_figures(scorecard)]
    yield table(["measure", "generated (95 % interval)", "real images"], rows)
    yield f"Protocol: {escape_markdown(protocol_in_words(scorecard))}"
    yield "What the scorecard says:"
    yield "\n".join(f"- {mark}{escape_markdown(sentence)}" for mark, sentence in findings(scorecard))


def data_and_licence(run: Exportable, licence: str) -> Iterator[str]:
    """Where the training images are from, and the licence of the weights."""
    hub = hub_dataset(run)
    place = f", [{hub}](https://huggingface.co/datasets/{hub}) on the Hub" if hub else ""
    yield f"Trained on {escape_markdown(run.info.source)}{place}, fingerprint {run.info.fingerprint}."
    if licence == "unknown":
        yield "The licence of these weights was not stated. The training images have a licence of their own."
    else:
        yield f"The licence of these weights: {escape_markdown(licence)}. The training images have one of their own."


def limits(run: Exportable) -> Iterator[str]:
    """What the generator cannot do, and what is not known of it."""
    yield "It generates images of the kind it was trained on, at their size, and of its own classes alone."
    yield "It reflects the choice of its training images, with what they lack and what they have too much of."
    copies = run.card.copies if run.card else None
    if copies is None or copies.flagged is None:
        yield "Whether it reproduces training images was not tested."
    else:
        yield escape_markdown(copies.verdict or "It was tested for copies of training images.")
    for sentence in run.card.disagreements if run.card else ():
        yield escape_markdown(sentence)
    yield "Generated images are not evidence of anything, and not fit for decisions about people."
