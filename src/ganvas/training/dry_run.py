"""What a run would be and take, found by trying a few steps; nothing is written."""

from pathlib import Path
from typing import Any

from ganvas import console
from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.data import open_source
from ganvas.machine import peak_memory_bytes
from ganvas.networks.inspect import parameter_count, receptive_field
from ganvas.training import autotune
from ganvas.training.engine import Engine
from ganvas.training.run import TrainRequest, default_folder, fit_to_labels
from ganvas.training.trainer import build_trainer, network_shape, steps_for


def print_dry_run(asked: TrainRequest, out: Path | None) -> None:
    """Says the whole configuration, the networks layer by layer, and the memory and time a run would take."""
    run = configure(asked.source, asked.recipe, asked.choices)
    prepared = open_source(run.source, run.data)
    run = resolve(fit_to_labels(run, prepared), prepared)
    for name, value in _flat(run.model_dump()):
        console.info(f"{name} {value}")
    shape = network_shape(run, prepared)
    console.info(f"folder {out or default_folder(run)}")
    console.info(f"images {len(prepared.train)} of {shape.channels} x {shape.size} x {shape.size} to train on")
    speed = autotune.choose_compute(run, prepared)
    game = build_trainer(run, prepared, Engine.for_trials(speed))
    for name, network in game.networks.items():
        console.info(f"{name} {parameter_count(network)} parameters")
        for layer in receptive_field(network, shape):
            seen = "" if layer.receptive_field is None else f", each value sees {layer.receptive_field} px"
            console.info(f"{name} layer {layer.name}: {' x '.join(map(str, layer.output))}{seen}")
    rate = autotune.images_per_second(run, prepared, speed, autotune.SECONDS_FOR_A_RATE)
    images = run.training.images or 0
    if run.training.minutes is not None:
        images = round(rate * run.training.minutes * 60)
    elif run.training.epochs is not None:
        images = round(run.training.epochs * len(prepared.train))
    images = steps_for(images, run.training.batch) * run.training.batch
    console.info(f"rate {rate:.0f} images/s")
    console.info(f"time about {console.duration(images / rate)} for {images} images")
    if peak := peak_memory_bytes():
        console.info(f"memory about {peak / 2**20:.0f} MB at its peak, seen in the steps tried")


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return found
