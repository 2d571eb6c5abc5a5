"""The configuration and the cost of a run, from a few steps that are thrown away; nothing is written."""

from pathlib import Path

from ganvas import console
from ganvas.data import open_source
from ganvas.data.report import print_brief
from ganvas.machine import peak_memory_bytes
from ganvas.networks.inspect import parameter_count, receptive_field
from ganvas.settings import leaves
from ganvas.training import autotune
from ganvas.training.engine import Engine
from ganvas.training.run import TrainRequest, default_folder
from ganvas.training.trainer import build_trainer, network_shape


def print_dry_run(request: TrainRequest, out: Path | None) -> None:
    """Prints the resolved configuration, the networks layer by layer, and the time and memory a run would take."""
    asked = request.asked.configure()
    prepared = open_source(asked.source, asked.data)
    print_brief(prepared)
    run, rate = autotune.plan(asked, prepared, always_measure=True)
    assert rate is not None
    for name, value in leaves(run.model_dump(exclude={"reasons"})):
        console.info(f"{name} {value}")
    shape = network_shape(run, prepared)
    console.info(f"folder {out or default_folder(asked)}")
    console.info(f"training images {len(prepared.train)} of {' x '.join(map(str, shape.image))}")
    for name, network in build_trainer(run, prepared, Engine.for_trials(run.compute)).networks.items():
        console.info(f"{name} {parameter_count(network)} parameters")
        for layer in receptive_field(network, shape):
            field = "" if layer.receptive_field is None else f", receptive field {layer.receptive_field} px"
            console.info(f"{name} layer {layer.name}: {' x '.join(map(str, layer.output))}{field}")
    console.info(f"rate {rate:.0f} images/s")
    console.info(f"time about {console.duration(run.images / rate)} for {run.images} images")
    if peak := peak_memory_bytes():
        console.info(f"memory about {peak / 2**20:.0f} MB at its peak in the measured steps")
