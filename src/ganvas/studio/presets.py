"""One thing changed: presets of what a run is compared with on the page, each as options over its request."""

from typing import Any, NamedTuple

from ganvas.config.recipes import configure
from ganvas.config.run import ResolvedRun, merge
from ganvas.errors import UserError, nearest
from ganvas.objectives.config import GanObjective
from ganvas.runs.record import RunRecord
from ganvas.settings import leaves

MOST_RATE = 10.0
# Often enough to see what happens within a minute; some changes are slow and show few images in it. The
# watchdog only warns: what goes wrong is to be seen.
CADENCE = {"log_every": 500, "preview_every": 2_000, "watch": "warn"}
SLOW_CADENCE = {"log_every": 50, "preview_every": 200}


class Preset(NamedTuple):
    """A change, for one run."""

    name: str
    """As the page's words and the new run's name have it."""
    choices: dict[str, Any]
    """Nested as the schema nests them."""


def presets_of(record: RunRecord) -> list[Preset]:
    """The changes that a run allows: each leaves everything else, the set and the seed too, as it is."""
    run = record.run
    if run.pair.kind == "book-classifier":
        return []
    wanted = [Preset("two-seeds", {"seed": run.seed + 1})]
    wanted += [Preset("ten-times-the-rate", {"optimiser": {"lr": rate}}) for rate in ten_times(run)]
    if run.labels == "on" and record.data.classes:
        wanted.append(Preset("no-labels", {"labels": "off"}))
    if isinstance(run.objective, GanObjective) and run.objective.penalty_weights() != (0.0, 0.0):
        wanted.append(Preset("no-penalty", {"objective": {"r1": 0.0, "r2": 0.0}}))
    if run.training.batch > 1:
        wanted.append(Preset("one-image", {"training": {"batch": 1, **SLOW_CADENCE}}))
    if run.pair.kind != "dcgan-concat" and isinstance(run.objective, GanObjective) and run.training.batch > 1:
        wanted.append(Preset("batch-norm", {"pair": {"kind": "dcgan-concat"}, "training": SLOW_CADENCE}))
    return [preset for preset in wanted if is_allowed(record, preset)]


def ten_times(run: ResolvedRun) -> list[float]:
    """Ten times the learning rate; nothing where that is more than a run takes."""
    rate = 10 * float(run.optimiser.lr)
    return [float(f"{rate:.6g}")] if rate <= MOST_RATE else []


def preset_of(record: RunRecord, name: str) -> Preset:
    """The change of a name. UserError for one that the run does not allow."""
    known = {preset.name: preset for preset in presets_of(record)}
    if name not in known:
        raise UserError(f"this run has no such change {name[:100]!r}; {nearest(name[:100], known)}")
    return known[name]


def changed(record: RunRecord, preset: Preset, minutes: float) -> dict[str, str]:
    """The flags of the run that a preset makes: what was asked for the run, a short budget, and the change.

    UserError where they do not fit together.
    """
    # Another pair has other options, so a preset's pair replaces the request's as a whole.
    own = {
        part: choice for part, choice in record.asked.choices.items() if part != "pair" or part not in preset.choices
    }
    short = {"seed": record.run.seed, "training": {"minutes": minutes, **CADENCE}}
    choices = merge(merge(own, short), preset.choices)
    choices["training"].pop("score_every", None)  # it takes more time than the training here
    configure(record.asked.source, record.asked.recipe, choices)
    named = leaves({"recipe": record.asked.recipe, **choices})
    return {name: str(value) for name, value in named if value is not None}


def is_allowed(record: RunRecord, preset: Preset) -> bool:
    """Whether the options fit together."""
    try:
        changed(record, preset, minutes=1.0)
    except UserError:
        return False
    return True
