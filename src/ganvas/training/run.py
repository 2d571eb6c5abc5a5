"""From what was asked to a finished run folder."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganvas import console
from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve, resolve_label_ramp
from ganvas.config.run import RunConfig
from ganvas.console import progress
from ganvas.data import open_source
from ganvas.data.batches import EVENLY
from ganvas.data.prepared import PreparedSet
from ganvas.data.sources import location_of
from ganvas.errors import InterruptedRunError, RunFailedError, UserError
from ganvas.objectives.config import ClassifierObjective
from ganvas.runs import bundle, sealed
from ganvas.runs.folder import RunFolder, create_run_folder
from ganvas.training import artifacts, autotune, checkpoint, health, record
from ganvas.training.engine import ComputeConfig, Engine
from ganvas.training.log import Log
from ganvas.training.loop import State, run_loop
from ganvas.training.outlets import loop_outputs
from ganvas.training.scoring import QuickScore
from ganvas.training.trainer import Trainer, build_trainer, steps_for
from ganvas.training.watchdog import StoppedError


@dataclass(frozen=True)
class TrainRequest:
    """What a person asked for, as they said it: compared when the same folder is trained again."""

    source: str
    recipe: str = "modern"
    choices: dict[str, Any] = field(default_factory=dict)
    """Nested, as the run's schema nests them: what the flags and the file say."""
    start_from: str | None = None
    """A finished run whose weights to begin with."""
    track: tuple[str, ...] = ()
    more_minutes: float | None = None
    more_images: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What is written to the record."""
        return {
            "source": self.source,
            "recipe": self.recipe,
            "from": self.start_from,
            "choices": self.choices,
        }


def train(asked: TrainRequest, out: Path | None = None) -> RunFolder:
    """Trains, or goes on training, and returns the run's folder. Says what it does; UserError for a mistake."""
    run = configure(asked.source, asked.recipe, asked.choices)
    folder = RunFolder(out or default_folder(run))
    refuse_inside(run.source, folder)
    if folder.exists():
        before = folder.read()
        record.refuse_another(folder, before, asked.as_json())
        if before["status"] in ("finished", "stopped") and is_whole(folder):
            seen = before["step"] * before["run"]["training"]["batch"]
            console.info(f"{folder.path} is {before['status']}: {seen} images")
            return folder
    engine = Engine(asked.track, folder.path)
    engine.on_rank_zero(lambda: prepare(run))
    prepared = open_source(run.source, run.data)
    run = fit_to_labels(run, prepared)
    refuse_uneven(run, engine)
    with ExitStack() as held:
        held.callback(engine.close)
        held.enter_context(failures_in_words(folder))
        engine.on_rank_zero(lambda: held.enter_context(locked_folder(folder)))
        engine.on_rank_zero(lambda: start(run, asked, prepared, folder, engine))
        run_to_end(run, asked, prepared, folder, engine)
    return folder


@contextmanager
def failures_in_words(folder: RunFolder) -> Iterator[None]:
    """Turns what the system refuses (memory, disk, handles) into a RunFailedError."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        raise RunFailedError(
            f"{folder.path} cannot be gone on with: {what}; the last whole checkpoint is kept. "
            "Mend that, then give the same command again"
        ) from None
    except (RuntimeError, MemoryError) as error:
        if not health.out_of_memory(error):
            raise
        raise RunFailedError(health.MEMORY_ADVICE) from None


def refuse_inside(source: str, folder: RunFolder) -> None:
    """UserError if a run's folder would lie in its source, and be one of its classes, or is a bundle."""
    place, here = Path(location_of(source)), folder.path.resolve()
    if place.is_dir() and place in (here, *here.parents):
        raise UserError(f"{folder.path} lies in the source {source}, which would then be another: choose another --out")
    if (folder.path / sealed.MANIFEST).is_file():
        raise UserError(f"{folder.path} is a bundle; choose another --out")


def is_whole(folder: RunFolder) -> bool:
    """Whether a finished run's bundle can be read; if not, that is said, and it will be written again."""
    try:
        bundle.read(folder.bundle)
    except UserError as error:
        console.info(f"{error}; it is made again")
        return False
    return True


@contextmanager
def locked_folder(folder: RunFolder) -> Iterator[None]:
    """Makes and holds a run's folder. If nothing was begun in it, nothing is left of it, nor of those above it."""
    absent = [place for place in (folder.path, *folder.path.parents) if not place.exists()]
    create_run_folder(folder.path)
    try:
        with folder.locked():
            yield
    except KeyboardInterrupt:  # before the loop, which saves first
        if absent and not folder.saved():
            folder.record.unlink(missing_ok=True)
        raise
    finally:
        if absent and not folder.exists():
            with suppress(OSError):
                (folder.path / ".lock").unlink(missing_ok=True)
                for place in absent:
                    place.rmdir()


def prepare(run: RunConfig) -> None:
    """Prepares the source where that is needed, saying how it goes."""
    open_source(run.source, run.data)


def start(run: RunConfig, asked: TrainRequest, prepared: PreparedSet, folder: RunFolder, engine: Engine) -> None:
    """Writes the record of a new run, once what was left open is settled; checks the record of an old one."""
    if folder.exists():
        record.refuse_other_data(folder, folder.read(), prepared)
        return
    if asked.start_from:  # tried first, on networks that are thrown away: nothing is measured or written if it fails
        start_from(
            asked.start_from,
            build_trainer(run, prepared, Engine.for_trials(ComputeConfig(1, "float32", "contiguous"))),
            run,
        )
    run = resolve(run, prepared)
    speed = autotune.choose_compute(run, prepared)
    images = run.training.images
    if run.training.epochs is not None:
        images = max(1, round(run.training.epochs * len(prepared.train)))
    elif run.training.minutes is not None:
        rate = autotune.images_per_second(run, prepared, speed, autotune.SECONDS_FOR_A_RATE) * engine.world
        images = max(1, round(rate * run.training.minutes * 60))
        console.info(f"budget {run.training.minutes:g} minutes at {rate:.0f} images/s: {images} images")
    assert images is not None
    steps = steps_for(images, run.training.batch)
    if run.training.images is not None and steps * run.training.batch != images:
        console.info(f"budget {images} images, rounded up to whole batches: {steps * run.training.batch}")
    run = resolve_label_ramp(run, prepared, steps * run.training.batch)
    folder.write(record.new_record(run, asked.as_json(), prepared, speed, steps, engine.device_name))


def run_to_end(run: RunConfig, asked: TrainRequest, prepared: PreparedSet, folder: RunFolder, engine: Engine) -> None:
    """From the first step, or the last checkpoint, to the bundle and the charts."""
    known = folder.read()
    run = RunConfig.model_validate(known["run"])
    engine.configure(ComputeConfig(**known["speed"]))
    scorer = QuickScore(prepared) if run.training.score_every and engine.is_rank_zero else None
    game = build_trainer(run, prepared, engine)
    state = resume(folder, game, engine)
    if asked.start_from and state.step == 0:
        start_from(asked.start_from, game, run)

    def close(status: str) -> None:
        artifacts.write_bundles(game, known, state.step * run.training.batch, folder, status == "stopped")
        found = artifacts.classifier_results(game, prepared)
        artifacts.draw_charts(run, game, prepared, found, folder)
        folder.write(record.ended_record(known, state, status, found))

    try:
        run_training(run, game, engine, state, known, folder, scorer)
    except InterruptedRunError:
        engine.on_rank_zero(lambda: folder.write(record.ended_record(known, state, "interrupted")))
        raise
    except StoppedError as error:
        engine.on_rank_zero(lambda: close("stopped"))
        raise StoppedError(f"stopped after {state.step * run.training.batch} images: {error}") from None
    engine.on_rank_zero(lambda: close("finished"))


def run_training(
    run: RunConfig,
    game: Trainer,
    engine: Engine,
    state: State,
    known: dict[str, Any],
    folder: RunFolder,
    scorer: QuickScore | None = None,
) -> None:
    """The loop with its outlets: the display, the log, previews, scores, the watchdog and checkpoints."""
    batch, steps = run.training.batch, int(known["steps"])
    log = Log(folder.log, state.step) if engine.is_rank_zero else None
    engine.track_start("ganvas", {"recipe": run.recipe, "source": known["data"]["name"]})
    try:
        title = f"{run.recipe} on {known['data']['name']}"
        display = (
            progress.training(title, steps * batch, state.step * batch, batch, folder.previews)
            if engine.is_rank_zero
            else Silent()
        )
        with display as live:
            placed = loop_outputs(run, game, engine, known, folder, live, log, scorer)
            run_loop(game, engine, run.training, steps, state, placed)
    finally:
        if log:
            log.close()


class Silent(AbstractContextManager["Silent"]):
    """The display of every process but the first."""

    def show(self, record: Mapping[str, float]) -> None:
        """Takes a record, and shows nothing."""

    def __exit__(self, *_: object) -> None:
        return None


def resume(folder: RunFolder, game: Trainer, engine: Engine) -> State:
    """The newest whole checkpoint, put into the game; a new start where there is none."""
    engine.on_rank_zero(lambda: checkpoint.clear_leftovers(folder.checkpoints))
    found = checkpoint.load(folder, game)
    step = 0 if found is None else int(found["step"])
    if engine.any_rank(engine.mean_over_ranks({"step": step})["step"] != step):
        raise UserError(
            f"the processes see different checkpoints: {folder.path} must be on a disk that all of them share"
        )
    if found is None:
        return State()
    if engine.is_rank_zero and found["world"] != engine.world:
        console.info(f"resuming on {engine.world} processes, saved by {found['world']}")
    if engine.is_rank_zero:
        console.info(f"going on after step {found['step']}")
    return State(found["step"], found["training_seconds"], found["cpu_seconds"])


def start_from(source: str, game: Trainer, run: RunConfig) -> None:
    """Begins with another run's weights. UserError if its networks are others."""
    given = bundle.open_run(Path(source))
    for name, network in game.networks.items():
        try:
            network.load_state_dict(given.networks[name].state_dict())
        except (RuntimeError, KeyError):
            raise UserError(
                f"--from {source}: its {given.card.pair.kind} pair for {given.card.size} px and "
                f"{len(given.card.classes)} classes does not fit this run's {run.pair.kind}"
            ) from None
    if game.ema and game.ema.halflife_images:
        game.ema.network.load_state_dict(game.networks["generator"].state_dict())


def refuse_uneven(run: RunConfig, engine: Engine) -> None:
    """UserError unless every process gets as many images of a batch."""
    if run.training.batch % engine.world:
        raise UserError(f"--batch {run.training.batch} does not divide among {engine.world} processes")


def fit_to_labels(run: RunConfig, prepared: PreparedSet) -> RunConfig:
    """The run as the data allow it, and said: a set without labels is trained without."""
    if prepared.classes:
        return run
    if isinstance(run.objective, ClassifierObjective):
        raise UserError(f"{run.recipe} learns labels, and {prepared.name} has none; give it a folder per class")
    if run.training.sampler in EVENLY:
        raise UserError(f"--training.sampler {run.training.sampler} balances classes, and {prepared.name} has none")
    if run.labels == "on":
        console.info(f"{prepared.name} has no labels: trained without, and no class can be asked for")
    return run.model_copy(update={"labels": "off"})


def default_folder(run: RunConfig) -> Path:
    """runs/<source>-<recipe>-s<seed>."""
    name = Path(run.source).resolve().name if "/" in run.source or run.source in (".", "..") else run.source
    name = name.removesuffix(".npz")
    return Path("runs") / f"{name.replace(':', '-') or 'root'}-{run.recipe}-s{run.seed}"
