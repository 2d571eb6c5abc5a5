"""A run's record, `run.json`: the request, what it was resolved to, on what data, and its cost."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

import ganvas
from ganvas import machine
from ganvas.config.recipes import configure
from ganvas.config.run import ResolvedRun, RunConfig
from ganvas.data.labels import LabelSpace
from ganvas.data.prepared import PreparedSet
from ganvas.data.sources import location_of
from ganvas.errors import UserError
from ganvas.settings import Settings, leaves
from ganvas.sizes import TrainableSize

LIBRARIES = ("torch", "numpy", "pillow", "safetensors", "accelerate")
MAX_EVENTS = 100
Status = Literal["begun", "interrupted", "diverged", "stopped", "finished"]
"""diverged: numbers were no longer finite; what was saved before can be resumed."""


class Plan(Settings):
    """The rest of a run as it was planned anew after `images_before` images, when its pace had changed."""

    images_before: int
    images: int
    """Of the whole run."""
    progress_before: float
    """The share of the schedule of the learning rate, 0 to 1, that lay before it. The rest is linear in images."""


class Event(Settings):
    """What a run decided on its way."""

    images: int
    """Seen by then."""
    seconds: float
    """Of training, by then."""
    text: str


class State(Settings):
    """How far a run is; in a checkpoint too."""

    model_config = ConfigDict(frozen=False)  # the loop counts in it
    step: int = Field(default=0, ge=0)
    training_seconds: float = 0.0
    """From its first step, over all its parts."""
    cpu_seconds: float = 0.0
    world: int = 1
    """Processes that trained it last."""
    plan: Plan | None = None
    """The last one; None as long as the first holds."""
    threads: int | None = None
    """CPU threads that were the fastest of late; None where the number is fixed."""
    events: tuple[Event, ...] = ()
    """The newest 100; the log has all."""

    def note(self, images: int, text: str) -> None:
        """Adds an event."""
        event = Event(images=images, seconds=round(self.training_seconds, 3), text=text)
        self.events = (*self.events, event)[-MAX_EVENTS:]


class Asked(Settings):
    """A person's request, as it was typed: compared when the same folder is trained again."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)
    source: str
    recipe: str = "modern"
    choices: dict[str, Any] = Field(default_factory=dict)
    """Nested as the schema nests them: what the flags and the file say."""
    start_from: str | None = Field(default=None, alias="from")
    """A finished run whose weights to begin with, a resolved path. (Earlier versions recorded it as it was typed.)"""

    def configure(self) -> RunConfig:
        """The run that is asked for, with "auto" where nothing was chosen. UserError for an unknown name or value."""
        return configure(self.source, self.recipe, self.choices)

    def as_flags(self) -> dict[str, str]:
        """Each choice by its flag: `--pair.width` -> `32`."""
        named = {"recipe": self.recipe, "from": self.start_from and str(Path(self.start_from).resolve())}
        flags = {f"--{name}": str(value) for name, value in leaves({**named, **self.choices}) if value is not None}
        return {**flags, "SOURCE": self.source}


class DataFacts(Settings):
    """What is known of the prepared set that a run is trained on."""

    name: str
    fingerprint: str
    size: TrainableSize
    channels: Literal[1, 3, 4]
    classes: tuple[str, ...]
    labels: LabelSpace | None = None
    """The parts of a label that has several."""
    train: int
    """Images to train on."""
    held_out: int


class ClassifierResults(Settings):
    """What a trained classifier gets right on held-out images."""

    held_out: int
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    """(K, K) counts: true class by row, predicted by column."""


class Extension(Settings):
    """A finished run that was trained further."""

    images_before: int
    images: int
    """The new total, over which the learning rate is planned anew."""


class RunRecord(Settings):
    """Everything needed to repeat a run, and its cost."""

    model_config = ConfigDict(extra="ignore")
    format: Literal[2] = 2
    asked: Asked
    run: ResolvedRun
    data: DataFacts
    status: Status
    step: int = Field(default=0, ge=0)
    """Steps taken when it last ended."""
    extensions: tuple[Extension, ...] = ()
    events: tuple[Event, ...] = ()
    """What it decided on its way: threads, and plans of a budget in minutes."""
    training_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    results: ClassifierResults | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_a_budget(self) -> Self:
        if self.run.training.images is None:
            raise ValueError("run.training.images is missing")
        return self

    @property
    def images_seen(self) -> int:
        """Images seen when it last ended."""
        return self.step * self.run.training.batch

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to train."""
        return self.status in ("finished", "stopped")

    def ended(self, state: State, status: Status, results: ClassifierResults | None = None) -> "RunRecord":
        """The record with the run's cost so far, and its results."""
        changes = {
            "status": status,
            "step": state.step,
            "events": state.events,
            "training_seconds": round(state.training_seconds, 3),
            "cpu_seconds": round(state.cpu_seconds, 3),
            "peak_memory_bytes": machine.peak_memory_bytes(),
        }
        return self.model_copy(update=changes | ({"results": results} if results else {}))


def new_record(asked: Asked, run: ResolvedRun, prepared: PreparedSet, device: str) -> RunRecord:
    """The record before the first step."""
    return RunRecord(
        asked=asked,
        run=run,
        status="begun",
        data=DataFacts(
            name=prepared.name,
            fingerprint=prepared.fingerprint,
            size=prepared.size,
            channels=prepared.channels,
            classes=prepared.classes,
            labels=prepared.label_space.stored() if prepared.manifest.labels else None,
            train=len(prepared.train),
            held_out=len(prepared.held_out),
        ),
        versions={
            **{name: version(name) for name in LIBRARIES},
            "ganvas": ganvas.__version__,
            "python": platform.python_version(),
        },
        machine={"system": platform.platform(), "cpu": machine.cpu_name(), "device": device},
    )


def require_same_request(path: str, before: Asked, now: Asked) -> None:
    """UserError with the difference if the folder holds a run that was asked for otherwise."""
    then, current = before.as_flags(), now.as_flags()
    if location_of(before.source) == location_of(now.source):  # pets, pets/ and ./pets are one
        then["SOURCE"] = current["SOURCE"]
    different = [
        f"{name} {then.get(name, 'not given')}, now {current.get(name, 'not given')}"
        for name in sorted({*then, *current})
        if then.get(name) != current.get(name)
    ]
    if different:
        raise UserError(
            f"{path} holds a run begun with {'; '.join(different)}. Give the flags it was begun with, or another "
            "--out; a finished run is trained further with --more-minutes or --more-images"
        )


def require_same_data(path: str, data: DataFacts, prepared: PreparedSet) -> None:
    """UserError with the difference if the data are not those the run was begun on."""
    if data.fingerprint != prepared.fingerprint:
        difference = difference_of_data(data, prepared)
        raise UserError(f"{path} was begun on other data: {difference}. Choose another --out")


def difference_of_data(data: DataFacts, prepared: PreparedSet) -> str:
    """How a set differs from the one that a run was begun on: classes, size, channels, or the images alone."""
    before = {"classes": list(data.classes), "size": str(data.size), "channels": data.channels}
    now = {"classes": list(prepared.classes), "size": str(prepared.size), "channels": prepared.channels}
    different = [f"{name} {before[name]}, now {now[name]}" for name in before if before[name] != now[name]]
    return "; ".join(different) or "its images have changed"
