"""`ganvas evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags
from ganvas.data.config import DataConfig
from ganvas.evaluation.protocol import Protocol

if TYPE_CHECKING:
    from ganvas.api.keywords import ScoreOptions


@schema_flags(Protocol, DataConfig)
def evaluate(
    target: Annotated[str, Parameter(help="A run's folder, or images: a folder per class, an .npz or a .zip.")],
    /,
    *,
    against: Annotated[
        str | None, flag("SOURCE", "The real set, prepared as Data says (default: the run's own).")
    ] = None,
    source: Annotated[str | None, flag("PLACE", "Where the run's own set lies now, if it has moved.")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the scorecard goes (default: into the run's folder).")] = None,
    **options: object,
) -> int:
    """Score a run, or any images, against real ones: labels, distances, copies, diversity, CAS."""
    from ganvas.api.evaluate import evaluate as evaluate_target

    scores = evaluate_target(target, against=against, moved_to=source, out=out, **cast("ScoreOptions", options))
    for sentence in scores.findings:
        console.info(sentence)
    console.info(f"scorecard {scores.page}")
    return 0
