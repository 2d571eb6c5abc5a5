"""A run's record: what was asked, what was settled, what it cost; and whether it may be gone on with."""

import platform
from importlib.metadata import version
from typing import Any

import ganvas
from ganvas import machine
from ganvas.config.run import RunConfig
from ganvas.data.prepared import PreparedSet
from ganvas.data.sources import location_of
from ganvas.errors import UserError
from ganvas.runs.folder import RunFolder
from ganvas.training.engine import ComputeConfig
from ganvas.training.loop import State

LIBRARIES = ("torch", "numpy", "pillow", "safetensors", "accelerate")


def new_record(
    run: RunConfig, asked: dict[str, Any], prepared: PreparedSet, speed: ComputeConfig, steps: int, device: str
) -> dict[str, Any]:
    """What is known before the first step."""
    return {
        "asked": asked,
        "run": run.model_dump(mode="json"),
        "status": "begun",
        "steps": steps,
        "images": steps * run.training.batch,
        "speed": {"threads": speed.threads, "precision": speed.precision, "memory_format": speed.memory_format},
        "data": {
            "name": prepared.name,
            "fingerprint": prepared.fingerprint,
            "size": prepared.size,
            "channels": prepared.channels,
            "classes": list(prepared.classes),
            "train": len(prepared.train),
            "held_out": len(prepared.held_out),
        },
        "versions": {
            **{name: version(name) for name in LIBRARIES},
            "ganvas": ganvas.__version__,
            "python": platform.python_version(),
        },
        "machine": {"system": platform.platform(), "processor": machine.cpu_name(), "device": device},
    }


def ended_record(
    record: dict[str, Any], state: State, status: str, results: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The record with what the run cost and what came of it."""
    return {
        **record,
        "status": status,
        "step": state.step,
        "training_seconds": round(state.training_seconds, 3),
        "cpu_seconds": round(state.cpu_seconds, 3),
        "peak_memory_bytes": machine.peak_memory_bytes(),
        **({"results": results} if results else {}),
    }


def refuse_another(folder: RunFolder, record: dict[str, Any], asked: dict[str, Any]) -> None:
    """UserError with the difference if the folder holds a run that was asked for otherwise."""
    before, now = flatten(record["asked"]), flatten(asked)
    if location_of(before["--source"]) == location_of(now["--source"]):  # pets, pets/ and ./pets are one
        before["--source"] = now["--source"]
    different = [
        f"{name} {before.get(name, 'not given')}, now {now.get(name, 'not given')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if different:
        raise UserError(
            f"{folder.path} holds a run begun with {'; '.join(different)}. "
            "Give the flags it was begun with, or another --out"
        )


def refuse_other_data(folder: RunFolder, record: dict[str, Any], prepared: PreparedSet) -> None:
    """UserError with the difference if the data are not those the run was begun on."""
    was = record["data"]
    if was["fingerprint"] == prepared.fingerprint:
        return
    now = {"classes": list(prepared.classes), "size": prepared.size, "channels": prepared.channels}
    different = [f"{name} {was[name]}, now {value}" for name, value in now.items() if was[name] != value]
    raise UserError(
        f"{folder.path} was begun on other data: {'; '.join(different) or 'the images have changed'}. "
        "Choose another --out"
    )


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested choices as flags: {"choices": {"pair": {"width": 32}}} -> {"--pair.width": "32"}."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if name == "choices" and not prefix:
            found |= flatten(value)
        elif isinstance(value, dict):
            found |= flatten(value, f"{prefix}{name}.")
        elif value is not None:
            found[f"--{prefix}{name}"] = str(value)
    return found
