"""What a run would be and take, found by trying a few steps; nothing is written."""

from pathlib import Path
from typing import Any

from ganvas.data import open_source
from ganvas.lines import duration
from ganvas.machine import peak_memory_bytes
from ganvas.networks.layers import parameters, receptive_field
from ganvas.progress import say
from ganvas.runs.recipes import resolve
from ganvas.training import measure
from ganvas.training.engine import Engine
from ganvas.training.game import build, shape_of, steps_of
from ganvas.training.suited import ramped, suited
from ganvas.training.train import Asked, default_folder, fitted


def forecast(asked: Asked, out: Path | None) -> None:
    """Says the whole configuration, the networks layer by layer, and the memory and time a run would take."""
    run = resolve(asked.source, asked.recipe, asked.choices)
    prepared = open_source(run.source, run.data, say)
    run = suited(fitted(run, prepared, say), prepared, say)
    for name, value in _flat(run.model_dump()):
        say(f"{name} {value}")
    shape = shape_of(run, prepared)
    say(f"folder {out or default_folder(run)}")
    say(f"pictures {len(prepared.train)} of {shape.channels} x {shape.size} x {shape.size} to train on")
    speed = measure.choose(run, prepared, say)
    game = build(run, prepared, Engine.for_trials(speed))
    for name, network in game.networks.items():
        say(f"{name} {parameters(network)} parameters")
        for layer in receptive_field(network, shape):
            seen = "" if layer.receptive_field is None else f", each value sees {layer.receptive_field} px"
            say(f"{name} layer {layer.name}: {' x '.join(map(str, layer.output))}{seen}")
    rate = measure.images_per_second(run, prepared, speed, measure.SECONDS_FOR_A_RATE)
    images = run.training.images or 0
    if run.training.minutes is not None:
        images = round(rate * run.training.minutes * 60)
    elif run.training.epochs is not None:
        images = round(run.training.epochs * len(prepared.train))
    images = steps_of(images, run.training.batch) * run.training.batch
    ramped(run, prepared, images, say)
    say(f"rate {rate:.0f} pictures/s")
    say(f"time about {duration(images / rate)} for {images} pictures")
    if peak := peak_memory_bytes():
        say(f"memory about {peak / 2**20:.0f} MB at its peak, seen in the steps tried")


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return found
