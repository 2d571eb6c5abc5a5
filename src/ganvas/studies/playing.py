"""One adversarial game of a study: played for so long, then scored by the judge of the set."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas.classifying.judging import TrainedJudge, judge_of
from ganvas.data import Prepared, open_source
from ganvas.images import Pixels, decode, grid, save_png
from ganvas.metrics.distances import frechet
from ganvas.metrics.pictures import Pictures, draw, proportions, thinned
from ganvas.runs.bundle import Bundle, Card
from ganvas.runs.recipes import resolve
from ganvas.runs.spec import Run
from ganvas.sampling import Sampler
from ganvas.seeds import stream
from ganvas.studies.question import Figures, Row, Task
from ganvas.training import watch
from ganvas.training.engine import Engine, Speed
from ganvas.training.game import Game, build, rate
from ganvas.training.scoring import evaluating

COUNT = 2_000
STRIP = 20  # pictures that show a row
PICTURES_BETWEEN_LOOKS = 640  # at the clock
SPEED = Speed(1, "float32", "contiguous")  # the same for all, whatever would be fastest for one


@dataclass(frozen=True)
class Played:
    """A game that has been played."""

    run: Run
    prepared: Prepared
    game: Game
    images: int
    seconds: float
    """Processor time of the training alone."""

    def draw(self, count: int) -> Pictures:
        """So many pictures of the averaged generator, in the set's proportions."""
        assert self.game.average is not None
        run, prepared = self.run, self.prepared
        card = Card(
            recipe=run.recipe,
            source=prepared.name,
            fingerprint=prepared.fingerprint,
            seed=run.seed,
            images=self.images,
            channels=prepared.channels,
            size=prepared.size,
            classes=prepared.classes if run.labels == "on" else (),
            pair=cast(Any, run.pair),
        )
        with evaluating(self.game.average.network) as network:
            return draw(Sampler(Bundle(card, {"generator": network})), prepared, count, run.seed)


class Spent(NamedTuple):
    """What a game has cost so far."""

    images: int = 0
    processor_seconds: float = 0.0
    wall_seconds: float = 0.0


def stretches(game: Game, run: Run, share: Callable[[Spent], float]) -> Iterator[Spent]:
    """Plays on and on, some 640 pictures at a time, and says after each time what was spent; the first time nothing.

    share: of the budget that is spent, which the learning rate follows. RunFailedError on divergence. What happens
    between two stretches is not on the clock.
    """
    batch, step, spent = run.training.batch, 0, Spent()
    while True:
        yield spent
        processor, wall, progress = time.process_time(), time.perf_counter(), min(1.0, share(spent))
        for _ in range(max(1, PICTURES_BETWEEN_LOOKS // batch)):
            for each in game.optimisers.values():
                each.param_groups[0]["lr"] = rate(run.optimiser, progress)
            scores = game.play(step)
            step += 1
            if game.average:
                game.average.update(batch, step * batch)
        watch.check(scores, game.networks, step)
        taken = time.process_time() - processor, time.perf_counter() - wall
        spent = Spent(step * batch, spent.processor_seconds + taken[0], spent.wall_seconds + taken[1])


def played(task: Task, row: Row) -> Played:
    """Plays the row's recipe from the task's seed.

    Read from the row's choices: `recipe`; `run`, choices laid over it; `images_a_second`, a budget in pictures for
    every second of the task's; `shuffled`, whether the labels are another picture's; `size`.
    """
    choices = row.choices
    data = {"data": {"size": choices["size"]}} if "size" in choices else {}
    run = resolve(task.source, choices["recipe"], data, dict(choices.get("run", {})), {"seed": task.seed})
    prepared = open_source(task.source, run.data, processes=1)
    learned = shuffled(prepared, task.seed) if choices.get("shuffled") else prepared
    game = build(run, learned, Engine.for_trials(SPEED))
    images = round(choices.get("images_a_second", 0) * task.seconds)

    def share(spent: Spent) -> float:
        return spent.images / images if images else spent.processor_seconds / task.seconds

    spent = next(spent for spent in stretches(game, run, share) if share(spent) >= 1)
    return Played(run, prepared, game, spent.images, spent.processor_seconds)


def shuffled(prepared: Prepared, seed: int) -> Prepared:
    """The same pictures, each with the label of another: every class keeps its size and loses its meaning."""
    assert prepared.labels is not None
    labels = np.array(prepared.labels)
    rows = np.asarray(prepared.train)
    order = torch.randperm(len(rows), generator=stream(seed, "shuffled labels", 0)).numpy()
    labels[rows] = labels[rows][order]
    return replace(prepared, labels=labels)


def scored(task: Task, row: Row) -> Figures:
    """Plays, and what the judge of the set says of 2,000 pictures. The first seed leaves a strip of them."""
    done = played(task, row)
    judge = judge_of(done.prepared, lambda _: None)
    pictures = done.draw(COUNT)
    if task.seed == 0:
        save_strip(pictures, strip_of(task.folder, row.name))
    return {**quality(judge, done.prepared, pictures), "images": done.images, "seconds": done.seconds}


def quality(judge: TrainedJudge, prepared: Prepared, pictures: Pictures) -> Figures:
    """fcd: distance to as many held-out pictures; balance: 1 less the total variation between the classes the judge
    sees and the set's; label_accuracy: how often it sees the label that was asked for, where one was.
    """
    seen = judge.look(pictures.pixels)
    found = {"fcd": frechet(judge.look(held_out(prepared)[0]).features, seen.features).value}
    told = seen.logits.argmax(1)
    shares = np.bincount(told, minlength=len(prepared.classes)) / len(told)
    wanted = proportions(prepared, len(told)) / len(told)
    found["balance"] = float(1 - np.abs(shares - wanted).sum() / 2)
    if pictures.labels is not None:
        found["label_accuracy"] = float(np.mean(told == pictures.labels))
    return found


def held_out(prepared: Prepared) -> tuple[Pixels, NDArray[np.int64] | None]:
    """Held-out pictures (N, C, H, W), at most as many as are drawn of a generator, and their labels where they have."""
    rows = thinned(np.asarray(prepared.held_out), prepared.labels, COUNT)
    return np.array(prepared.pixels[rows]), None if prepared.labels is None else np.asarray(prepared.labels[rows])


def strip_of(folder: Path, row: str) -> Path:
    """Where a row's pictures lie. Names of rows are ours, and may hold spaces and slashes."""
    safe = "".join(letter if letter.isalnum() else "-" for letter in row)
    return folder / "strips" / f"{safe}.png"


def strips_of(folder: Path, rows: Sequence[str]) -> dict[str, Pixels]:
    """The strips that there are, (C, H, W) each, by row."""
    places = {row: strip_of(folder, row) for row in rows}
    return {row: _pixels(place) for row, place in places.items() if place.exists()}


def _pixels(path: Path) -> Pixels:
    found = np.asarray(decode(path.read_bytes()).image)
    return found[None] if found.ndim == 2 else found.transpose(2, 0, 1)


def save_strip(pictures: Pictures, path: Path) -> None:
    """A row of pictures, evenly from all of them."""
    places = np.linspace(0, len(pictures.pixels) - 1, STRIP).astype(int)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(grid(pictures.pixels[places], STRIP), path)
