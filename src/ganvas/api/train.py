"""`ganvas.train`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack

from ganvas.api.dataset import Dataset
from ganvas.api.keywords import Place, TrainOptions, documented, given, in_keywords, path_of, source_text
from ganvas.api.run import Run
from ganvas.config.flags import parse_choices
from ganvas.config.training import BUDGETS, MoreTraining, RunBasics, TrainingConfig
from ganvas.data.config import DataConfig
from ganvas.errors import InterruptedRunError, UserError
from ganvas.settings import leaves, parse
from ganvas.training.run import TrainRequest, default_folder
from ganvas.training.run import train as train_request


@documented(RunBasics, TrainingConfig, MoreTraining, DataConfig)
def train(
    source: Place | Dataset,
    *,
    out: Place | None = None,
    config: Place | None = None,
    start_from: Place | None = None,
    moved_to: Place | None = None,
    track: str | Sequence[str] | None = None,
    **options: Unpack[TrainOptions],
) -> Run:
    """Trains a generator, resumes a run where the same call stopped, or trains a finished one further.

    source: a folder with a folder for each class, a file, the name of a known set, hf:owner/name, or what
        `ganvas.prepare` returned, whose options then hold here too.
    out: the run's folder; by default runs/SOURCE-RECIPE-sSEED.
    config: a .toml file of options, perhaps a recipe; what is given here wins over it.
    start_from: a finished run whose weights to start from.
    moved_to: where the set of the run in `out` lies now, if it has moved.
    track: trackers beside the log: "tensorboard", "wandb".

    Every option of `ganvas list options` is a keyword: those below by their name, others in a dictionary of their
    part, such as `objective={"loss": "hinge"}`.

    An interrupt (Ctrl-C, the stop button of a notebook) saves, and raises InterruptedRunError: the same call resumes.
    UserError, in one sentence, for a source or an option that does not fit.
    """
    with in_keywords():
        choices: dict[str, Any] = given(options)
        if isinstance(source, Dataset):
            choices = {**source.options, **choices}
        request = request_for(
            source.source if isinstance(source, Dataset) else source_text(source),
            choices,
            None if config is None else path_of(config),
            None if start_from is None else str(path_of(start_from)),
            None if moved_to is None else source_text(moved_to),
            track,
        )
        folder = default_folder(request.asked.configure()) if out is None else path_of(out)
    try:
        with in_keywords(), kept_threads():
            return Run(train_request(request, folder).path)
    except InterruptedRunError as error:
        error.args = (f"{error}; the same call resumes it, and ganvas.load({str(folder)!r}) opens it as it is",)
        raise


def request_for(
    source: str,
    options: Mapping[str, Any],
    config: Path | None = None,
    start_from: str | None = None,
    moved_to: str | None = None,
    track: str | Sequence[str] | None = None,
) -> TrainRequest:
    """What a person asks for. options: by their short names, or nested as the schema nests them, with a recipe."""
    options = dict(options)
    more = parse(MoreTraining, {name: options.pop(name) for name in MoreTraining.model_fields if name in options})
    further = [f"--{name}".replace("_", "-") for name, value in more if value is not None]
    budgets = [f"--{name}" for name, _ in leaves(options) if name.removeprefix("training.") in BUDGETS]
    if further and (others := further[1:] + budgets):
        raise UserError(f"{further[0]} is the budget of a finished run's further training: leave out {others[0]}")
    choices = parse_choices(options, config)
    recipe = choices.pop("recipe", None)
    return TrainRequest(
        source, recipe, choices, start_from, tracker_names(track), more.more_minutes, more.more_images, moved_to
    )


def tracker_names(track: str | Sequence[str] | None) -> tuple[str, ...]:
    """`tensorboard,wandb`, or a list of names -> the names."""
    if isinstance(track, str) and not track.strip():
        raise UserError("--track needs the name of a tracker: tensorboard, wandb")
    names = track.split(",") if isinstance(track, str) else track or ()
    return tuple(name.strip() for name in names)


@contextmanager
def kept_threads() -> Iterator[None]:
    """Gives torch back the number of threads that the caller's program had."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
