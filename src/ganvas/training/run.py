"""From a request to a finished run folder: start, resume, extend."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ganvas import console, machine
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, ResolvedRun, RunConfig, TimeBudget, merge
from ganvas.console import progress
from ganvas.data import open_source
from ganvas.data.prepared import PreparedSet
from ganvas.data.report import print_brief
from ganvas.data.sources import location_of
from ganvas.data.sources.signatures import without_suffix
from ganvas.errors import InterruptedRunError, RunFailedError, UserError
from ganvas.evaluation.headline import refuse_unscorable
from ganvas.runs import bundle, sealed
from ganvas.runs.folder import RunFolder
from ganvas.runs.paths import refuse_inside_source
from ganvas.runs.record import Asked, Extension, RunRecord, State, new_record, require_same_request
from ganvas.runs.source import note_place, open_as_recorded, place_to_resume, places_of
from ganvas.training import artifacts, autotune, checkpoint, health
from ganvas.training.engine import Engine
from ganvas.training.loop import run_loop
from ganvas.training.outputs import QuickScore, RunOutputs, open_log
from ganvas.training.trainer import Trainer, build_trainer

DEFAULT_RECIPE = "modern"
HOW_TO_EXTEND = "train it further with --more-minutes M or --more-images N"


@dataclass(frozen=True)
class TrainRequest:
    """What a person asks `train` for."""

    source: str
    recipe: str | None = None
    """None for the default, or the recipe of the run that is trained further."""
    choices: dict[str, Any] = field(default_factory=dict)
    """Nested, as the run's schema nests them: the options of the flags and the file."""
    start_from: str | None = None
    """A finished run whose weights to start from."""
    track: tuple[str, ...] = ()
    more_minutes: float | None = None
    more_images: int | None = None
    """Train a finished run further, by so much."""
    moved_to: str | None = None
    """Where the set of a run that is resumed lies now, if it is not where it was."""

    @property
    def asked(self) -> Asked:
        """The part that is recorded, and compared when the same folder is trained again."""
        start_from = None if self.start_from is None else str(Path(self.start_from).resolve())
        return Asked(
            source=self.source, recipe=self.recipe or DEFAULT_RECIPE, choices=self.choices, start_from=start_from
        )

    @property
    def extends(self) -> bool:
        """Whether a finished run is to be trained further."""
        return self.more_minutes is not None or self.more_images is not None


def train(request: TrainRequest, out: Path | None = None) -> RunFolder:
    """Trains, resumes or extends a run and returns its folder. Prints its progress; UserError for a mistake."""
    asked = request.asked
    folder = RunFolder(out or default_folder(asked.configure()))
    place = asked.source
    refuse_inside_source(asked.source, folder.path)
    if (folder.path / sealed.MANIFEST).is_file():
        raise UserError(f"{folder.path} is a bundle; choose another --out")
    if folder.exists():
        record = folder.read()
        asked, place = accepted(request, record, folder)
        if record.has_ended and not request.extends and is_whole(folder):
            if place not in places_of(record, folder.path) and machine.is_rank_zero():
                with folder.locked():
                    note_place(place, open_as_recorded(place, record.run.data, record.data), folder)
            console.info(f"{folder.path} is {record.status}: {record.images_seen} images; {HOW_TO_EXTEND}")
            return folder
    elif request.extends or request.moved_to is not None:
        raise UserError(
            f"{folder.path} is not a run, and --more-minutes, --more-images and --source are for one that is there"
        )
    run = asked.configure().model_copy(update={"source": location_of(place)})
    engine = Engine(request.track, folder.path)
    facts = folder.read().data if folder.exists() else None
    prepared = engine.rank_zero_first(
        lambda: open_as_recorded(place, run.data, facts) if facts else open_source(place, run.data)
    )
    if run.training.batch % engine.world:
        raise UserError(f"--batch {run.training.batch} does not divide among {engine.world} processes")
    if run.training.score_every:
        refuse_unscorable(prepared)
    with ExitStack() as held:
        held.callback(engine.close)
        held.enter_context(failures_in_words(folder))
        engine.on_rank_zero(lambda: held.enter_context(folder.locked()))
        engine.on_rank_zero(lambda: start(run, request, prepared, folder, engine))
        run_to_end(prepared, folder, engine)
    return folder


def accepted(request: TrainRequest, record: RunRecord, folder: RunFolder) -> tuple[Asked, str]:
    """(the recorded request of the run in a folder, where its set lies). UserError unless the new one is for the same.

    A request to train further names the run by its folder: of the other choices, only those it gives are compared.
    """
    asked, before = request.asked, record.asked
    if request.extends:
        changes = {
            "recipe": request.recipe or before.recipe,
            "choices": merge(before.choices, asked.choices),
            "start_from": asked.start_from or before.start_from,
        }
        asked = asked.model_copy(update=changes)
    recorded, place = place_to_resume(request.source, record, folder, request.moved_to)
    then, now = (each.model_copy(update={"source": at}) for each, at in ((before, recorded), (asked, place)))
    require_same_request(str(folder.path), then, now)
    return before, place


@contextmanager
def failures_in_words(folder: RunFolder) -> Iterator[None]:
    """Turns failures of the system (memory, disk, file handles) into a RunFailedError."""
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        raise RunFailedError(
            f"{folder.path} cannot be trained on: {reason}; the last whole checkpoint is kept. "
            "Mend that, then give the same command again"
        ) from None
    except (RuntimeError, MemoryError) as error:
        if not health.out_of_memory(error):
            raise
        raise RunFailedError(health.MEMORY_ADVICE) from None


def is_whole(folder: RunFolder) -> bool:
    """Whether an ended run's bundle can be read; if not, a message says that it is written again."""
    try:
        bundle.read_bundle(folder.bundle)
    except UserError as error:
        console.info(f"{error}; it is written again")
        return False
    return True


def start(run: RunConfig, request: TrainRequest, prepared: PreparedSet, folder: RunFolder, engine: Engine) -> None:
    """Writes the record of a new run, once nothing is left open; checks, and may extend, the record of an old one."""
    if folder.exists():
        record = note_place(run.source, prepared, folder)
        print_brief(prepared)
        if request.extends:
            extend(record, request, prepared, folder, engine)
        return
    if request.start_from:  # tried first, on networks that are thrown away: nothing is measured or written if it fails
        run = bundle.open_run(Path(request.start_from)).info.settle(run)
        draft = resolve(run, prepared, ComputeConfig(1, "float32", "contiguous"))
        load_weights(request.start_from, build_trainer(draft, prepared, Engine.for_trials(draft.compute)), draft)
    print_brief(prepared)
    resolved, rate = autotune.plan(run, prepared, engine.world)
    if run.training.minutes is not None:
        console.info(f"budget {run.training.minutes:g} minutes at {rate:.0f} images/s: {resolved.images} images")
    elif run.training.images not in (None, resolved.images):
        console.info(f"budget {run.training.images} images, rounded up to whole batches: {resolved.images}")
    folder.write(new_record(request.asked, resolved, prepared, engine.device_name))


def extend(record: RunRecord, request: TrainRequest, prepared: PreparedSet, folder: RunFolder, engine: Engine) -> None:
    """Plans a finished run anew over more images, and records it; an extension that is under way is resumed."""
    if not record.has_ended:
        if not record.extensions:
            raise UserError(
                f"{folder.path} is not finished: give the command it was begun with, and then {HOW_TO_EXTEND}"
            )
        console.info(f"resuming the run to its {record.run.images} images; nothing more is added")
        return
    newest = checkpoint.newest_whole(folder)
    if newest is None:
        raise UserError(
            f"{folder.path} has no whole checkpoint left to resume from: begin a new run with --from {folder.path}"
        )
    run, more, time = record.run, request.more_images, None
    before = newest.step * run.training.batch
    if more is None:
        assert request.more_minutes is not None
        rate = autotune.images_per_second(run, prepared, run.compute, autotune.SECONDS_FOR_A_RATE) * engine.world
        more, now = round(rate * request.more_minutes * 60), newest.training_seconds
        time = TimeBudget(begin_seconds=now, end_seconds=now + 60 * request.more_minutes)
    total = run.training.whole_batches(before + max(1, more))
    console.info(f"training further, from {before} to {total} images, the learning rate planned anew over all")
    training = run.training.model_copy(update={"images": total})
    changes = {
        "run": run.model_copy(update={"training": training, "time": time}),
        "status": "begun",
        "extensions": (*record.extensions, Extension(images_before=before, images=total)),
    }
    folder.write(record.model_copy(update=changes))


def run_to_end(prepared: PreparedSet, folder: RunFolder, engine: Engine) -> None:
    """From the first step, or the last checkpoint, to the bundle and the charts."""
    record = folder.read()
    run = record.run
    engine.configure(run.compute)
    scorer = QuickScore(prepared) if run.training.score_every and engine.is_rank_zero else None
    trainer = build_trainer(run, prepared, engine)
    state = resume(folder, trainer, engine, record.extensions)
    if record.asked.start_from and state.step == 0:
        load_weights(record.asked.start_from, trainer, run)

    def write_end(status: Literal["finished", "stopped"]) -> None:
        artifacts.write_bundles(trainer, record, state.step * run.training.batch, folder, status == "stopped")
        results = artifacts.classifier_results(trainer, prepared)
        artifacts.draw_charts(run, trainer, prepared, results, folder)
        folder.write(record.ended(state, status, results))
        if trainer.ema is not None:
            console.info(f"advice: {artifacts.advice_after(folder, prepared)}")

    try:
        run_training(trainer, engine, state, record, folder, scorer)
    except InterruptedRunError:
        engine.on_rank_zero(lambda: folder.write(record.ended(state, "interrupted")))
        raise
    except health.DivergedError as error:
        if engine.is_rank_zero:  # the other processes may not have met it
            state.note(state.step * run.training.batch, str(error))
            folder.write(record.ended(state, "diverged"))
        raise
    except health.StoppedError as error:
        engine.on_rank_zero(lambda: write_end("stopped"))
        raise health.StoppedError(f"stopped after {state.step * run.training.batch} images: {error}") from None
    engine.on_rank_zero(lambda: write_end("finished"))


def run_training(
    trainer: Trainer,
    engine: Engine,
    state: State,
    record: RunRecord,
    folder: RunFolder,
    scorer: QuickScore | None = None,
) -> None:
    """The loop and its outputs: display, log, previews, scores, watchdog and checkpoints."""
    run, batch = record.run, record.run.training.batch
    engine.track_start("ganvas", {"recipe": run.recipe, "source": record.data.name})
    with ExitStack() as opened:
        log = display = None
        if engine.is_rank_zero:
            log = opened.enter_context(open_log(folder.log, state.step))
            title = f"{run.recipe} on {record.data.name}"
            bar = progress.training(
                title, state.plan.images if state.plan else run.images, state.step * batch, batch, folder.previews
            )
            display = opened.enter_context(bar)
        outputs = RunOutputs(trainer, engine, record, folder, log, display, scorer)
        run_loop(trainer, engine, run, state, outputs)


def resume(folder: RunFolder, trainer: Trainer, engine: Engine, extensions: tuple[Extension, ...] = ()) -> State:
    """Loads the newest whole checkpoint into the trainer; a state at step 0 where there is none."""
    engine.on_rank_zero(lambda: checkpoint.clear_leftovers(folder.checkpoint_folder))
    state = checkpoint.load_checkpoint(folder, trainer) or State()
    if extensions and state.plan and state.plan.images <= extensions[-1].images_before:
        state.plan = None  # of the run before it was trained further
    if engine.any_rank(engine.mean_over_ranks({"step": state.step})["step"] != state.step):
        raise UserError(
            f"the processes see different checkpoints: {folder.path} must be on a disk that all of them share"
        )
    if state.step:
        if state.world != engine.world:
            console.info(f"resuming on {engine.world} processes, saved by {state.world}")
        console.info(f"resuming after step {state.step}")
    return state


def load_weights(source: str, trainer: Trainer, run: ResolvedRun) -> None:
    """Starts from another run's weights. UserError if its networks are others."""
    other = bundle.open_run(Path(source))
    for name, network in trainer.networks.items():
        try:
            network.load_state_dict(other.networks[name].state_dict())
        except (RuntimeError, KeyError):
            raise UserError(
                f"--from {source}: its {other.info.pair.kind} pair for {other.info.size} px and "
                f"{len(other.info.classes)} classes does not fit this run's {run.pair.kind}"
            ) from None
    if trainer.ema and trainer.ema.halflife_images:
        trainer.ema.network.load_state_dict(trainer.networks["generator"].state_dict())


def default_folder(run: RunConfig) -> Path:
    """runs/<source>-<recipe>-s<seed>."""
    name = Path(run.source).resolve().name if "/" in run.source or run.source in (".", "..") else run.source
    return Path("runs") / f"{without_suffix(name).replace(':', '-') or 'root'}-{run.recipe}-s{run.seed}"
