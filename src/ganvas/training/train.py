"""From what was asked to a finished run folder."""

import platform
import resource
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any


import ganvas
from ganvas import progress
from ganvas.data import open_source
from ganvas.data.prepared import Prepared
from ganvas.errors import InterruptedRunError, RunFailedError, UserError
from ganvas.objectives.rules import Classification
from ganvas.runs import bundle
from ganvas.runs.folder import RunFolder, make_run_folder
from ganvas.runs.recipes import resolve
from ganvas.runs.spec import Run
from ganvas.training import checkpoint, closing, measure, watch
from ganvas.training.engine import Engine, Speed
from ganvas.training.game import Game, build, shape_of, steps_of
from ganvas.training.log import Log
from ganvas.training.loop import Outlets, State, repeat


@dataclass(frozen=True)
class Asked:
    """What a person asked for, as they said it: compared when the same folder is trained again."""

    source: str
    recipe: str = "modern"
    choices: dict[str, Any] = field(default_factory=dict)
    """Nested, as the run's schema nests them: what the flags and the file say."""
    start_from: str | None = None
    """A finished run whose weights to begin with."""
    track: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What is written to the record."""
        return {
            "source": self.source,
            "recipe": self.recipe,
            "from": self.start_from,
            "choices": self.choices,
        }


def train(asked: Asked, out: Path | None = None) -> RunFolder:
    """Trains, or goes on training, and returns the run's folder. Says what it does; UserError for a mistake."""
    run = resolve(asked.source, asked.recipe, asked.choices)
    path = out or default_folder(run)
    folder = RunFolder(path)
    if folder.exists():
        record = folder.read()
        refuse_another(folder, record, asked)
        if record["status"] == "finished":
            progress.say(f"{path} is finished: {record['images']} pictures")
            return folder
    prepared = open_source(run.source, run.data, progress.say)
    run = fitted(run, prepared)
    began = not path.exists()
    folder = make_run_folder(path)
    try:
        with folder.locked():
            _train(run, asked, prepared, folder)
    except (UserError, KeyboardInterrupt):
        if began and not folder.exists():  # nothing was begun: leave nothing behind
            (path / ".lock").unlink(missing_ok=True)
            path.rmdir()
        raise
    return folder


def _train(run: Run, asked: Asked, prepared: Prepared, folder: RunFolder) -> None:
    resumed = folder.exists()
    try:
        record = folder.read() if resumed else begin(run, asked, prepared, folder)
        refuse_other_data(folder, record, prepared)
        run = Run.model_validate(record["run"])
        engine = Engine(Speed(**record["speed"]), asked.track, folder.path)
        game = build(run, prepared, engine)
        if asked.start_from:
            start_from(asked.start_from, game, run)
        state = go_on(folder, game, engine) if resumed else State()
        play_out(run, game, engine, state, prepared, folder, record)
    except (RuntimeError, MemoryError) as error:
        if not watch.out_of_memory(error):
            raise
        raise RunFailedError(watch.MEMORY_ADVICE) from None


def begin(run: Run, asked: Asked, prepared: Prepared, folder: RunFolder) -> dict[str, Any]:
    """Settles what was left open and writes the record, before the first step."""
    speed = measure.choose(run, prepared, progress.say)
    images = run.training.images
    if run.training.epochs is not None:
        images = max(1, round(run.training.epochs * len(prepared.train)))
    elif run.training.minutes is not None:
        rate = measure.images_per_second(run, prepared, speed, measure.SECONDS_FOR_A_RATE)
        images = max(1, round(rate * run.training.minutes * 60))
        progress.say(f"budget {run.training.minutes:g} minutes at {rate:.0f} pictures/s: {images} pictures")
    assert images is not None
    steps = steps_of(images, run.training.batch)
    record = {
        "asked": asked.as_json(),
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
        "versions": {name: version(name) for name in ("torch", "numpy", "pillow", "safetensors", "accelerate")}
        | {"ganvas": ganvas.__version__, "python": platform.python_version()},
        "machine": {"system": platform.platform(), "processor": platform.machine(), "device": "cpu"},
    }
    folder.write(record)
    return record


def play_out(
    run: Run, game: Game, engine: Engine, state: State, prepared: Prepared, folder: RunFolder, record: dict[str, Any]
) -> None:
    """The loop and what surrounds it, then the bundle and the charts."""
    batch, steps = run.training.batch, int(record["steps"])
    title = f"{run.recipe} on {prepared.name}"
    log = Log(folder.log, state.step) if engine.is_first else None
    engine.track_start("ganvas", {"recipe": run.recipe, "source": prepared.name})

    def preview(images: int) -> None:
        if engine.is_first and game.average:
            closing.preview(game, card(run, prepared, images), folder.previews / f"{images:010d}.png")

    def save(now: State) -> None:
        if engine.is_first:
            kept = {"training_seconds": now.training_seconds, "cpu_seconds": now.cpu_seconds, "world": engine.world}
            checkpoint.save(folder.checkpoints, game, {"step": now.step, **kept})
        engine.wait()

    try:
        with progress.training(title, steps * batch, state.step * batch, batch) as live:
            if state.step < steps:
                outlets = Outlets(live, log, preview, save)
                repeat(game, engine, run.optimiser, run.training, steps, state, outlets)
    except InterruptedRunError:
        if engine.is_first:
            finish_record(folder, record, state, "interrupted")
        raise
    finally:
        if log:
            log.close()
        engine.close()
    if engine.is_first:
        bundle.write(folder.bundle, card(run, prepared, steps * batch), game.kept())
        closing.charts(run, game, prepared, folder)
        finish_record(folder, record, state, "finished", closing.results(game, prepared))


def go_on(folder: RunFolder, game: Game, engine: Engine) -> State:
    """The newest whole checkpoint, put into the game; a new start where there is none."""
    found = checkpoint.load(folder.checkpoints, game, progress.say)
    if found is None:
        progress.say(f"{folder.path} has no whole checkpoint yet: starting at its first step")
        return State()
    if found["world"] != engine.world:
        progress.say(f"resuming on {engine.world} processes, saved by {found['world']}")
    progress.say(f"going on after step {found['step']}")
    return State(found["step"], found["training_seconds"], found["cpu_seconds"])


def start_from(source: str, game: Game, run: Run) -> None:
    """Begins with another run's weights. UserError if its networks are others."""
    given = bundle.read(RunFolder(Path(source)).bundle)
    for name, network in game.networks.items():
        try:
            network.load_state_dict(given.networks[name].state_dict())
        except (RuntimeError, KeyError):
            raise UserError(
                f"--from {source}: its {given.card.pair.kind} pair for {given.card.size} px and "
                f"{len(given.card.classes)} classes does not fit this run's {run.pair.kind}"
            ) from None
    if game.average and game.average.halflife_images:
        game.average.network.load_state_dict(game.networks["generator"].state_dict())


def fitted(run: Run, prepared: Prepared) -> Run:
    """The run as the data allow it, and said: a set without labels is trained without."""
    if prepared.classes:
        return run
    if isinstance(run.objective, Classification):
        raise UserError(f"{run.recipe} learns labels, and {prepared.name} has none; give it a folder per class")
    if run.training.sampler == "balanced":
        raise UserError(f"--training.sampler balanced balances classes, and {prepared.name} has none")
    if run.labels == "on":
        progress.say(f"{prepared.name} has no labels: trained without, and no class can be asked for")
    return run.model_copy(update={"labels": "off"})


def refuse_another(folder: RunFolder, record: dict[str, Any], asked: Asked) -> None:
    """UserError with the difference if the folder holds a run that was asked for otherwise."""
    before, now = flat(record["asked"]), flat(asked.as_json())
    different = [
        f"{name} {'not given' if name not in before else before[name]}, now {'not given' if name not in now else now[name]}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if different:
        raise UserError(
            f"{folder.path} holds a run begun with {'; '.join(different)}. "
            "Give the flags it was begun with, or another --out"
        )


def refuse_other_data(folder: RunFolder, record: dict[str, Any], prepared: Prepared) -> None:
    """UserError with the difference if the data are not those the run was begun on."""
    was = record["data"]
    if was["fingerprint"] == prepared.fingerprint:
        return
    now = {"classes": list(prepared.classes), "size": prepared.size, "channels": prepared.channels}
    different = [f"{name} {was[name]}, now {value}" for name, value in now.items() if was[name] != value]
    raise UserError(
        f"{folder.path} was begun on other data: {'; '.join(different) or 'the pictures have changed'}. "
        "Choose another --out"
    )


def finish_record(
    folder: RunFolder, record: dict[str, Any], state: State, status: str, results: dict[str, Any] | None = None
) -> None:
    """Adds to the record what the run cost and what came of it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    folder.write(
        {
            **record,
            "status": status,
            "step": state.step,
            "training_seconds": round(state.training_seconds, 3),
            "cpu_seconds": round(state.cpu_seconds, 3),
            "peak_memory_bytes": peak,
            **({"results": results} if results else {}),
        }
    )


def card(run: Run, prepared: Prepared, images: int) -> bundle.Card:
    """What a bundle of this run says of itself."""
    shape = shape_of(run, prepared)
    return bundle.Card(
        recipe=run.recipe,
        source=prepared.name,
        fingerprint=prepared.fingerprint,
        seed=run.seed,
        images=images,
        channels=shape.channels,
        size=shape.size,
        classes=prepared.classes if shape.classes else (),
        pair=run.pair,
    )


def default_folder(run: Run) -> Path:
    """runs/<source>-<recipe>-s<seed>."""
    name = Path(run.source).resolve().name if "/" in run.source or run.source in (".", "..") else run.source
    return Path("runs") / f"{name.replace(':', '-') or 'root'}-{run.recipe}-s{run.seed}"


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested choices as flags: {"pair": {"width": 32}} -> {"--pair.width": "32"}."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if name == "choices" and not prefix:
            found |= flat(value)
        elif isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        elif value is not None:
            found[f"--{prefix}{name}"] = str(value)
    return found
