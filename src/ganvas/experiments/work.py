"""The work of a comparison: subsets, generators, images, fits; each thing once, and kept when it is finished."""

import base64
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.errors import RunFailedError, UserError
from ganvas.evaluation import predict
from ganvas.evaluation.fit import fit_classifier
from ganvas.evaluation.samples import Samples, draw_samples
from ganvas.experiments import budget
from ganvas.experiments.answer import Key, Right
from ganvas.experiments.budget import Rates, Size
from ganvas.experiments.generators import trained
from ganvas.experiments.journal import Journal
from ganvas.experiments.subject import Subject
from ganvas.images import Pixels
from ganvas.objectives.augment import random_affine
from ganvas.rng import stream
from ganvas.runs import bundle
from ganvas.sampling import Sampler
from ganvas.training import health

AUGMENTED, GENERATED = "be", "cde"
GENERATOR = "generator"
Json = dict[str, Any]
Indices = NDArray[np.int64]


class Work:
    """Fits and trains, each thing once, and keeps what came of it."""

    def __init__(self, about: Subject, journal: Journal, rates: Rates, generators: Path) -> None:
        """generators: where those trained anew lie until all is done."""
        self.about, self.journal, self.rates, self.generators = about, journal, rates, generators
        self.bar: progress.Bar | None = None
        self._part_of_a_second = 0.0
        self.results: dict[Key, Right] = {}
        self.failures: dict[Key, str] = {}
        self.working_seconds = 0.0
        assert about.prepared.labels is not None
        self.labels = np.asarray(about.prepared.labels)
        for number, line in enumerate(journal.finished, start=2):
            try:
                self._take(line)
            except (KeyError, TypeError, ValueError):
                raise UserError(f"{journal.path}: line {number} is damaged; remove the file to begin anew") from None

    def _take(self, line: Json) -> None:
        key = (float(line["share"]), int(line["seed"]), str(line["row"]))
        self.working_seconds += float(line["seconds"])
        if "failed" in line:
            self.failures[key] = str(line["failed"])
        elif key[2] != GENERATOR:
            bits = np.frombuffer(base64.b64decode(line["right"], validate=True), np.uint8)
            found = np.unpackbits(bits)[: len(self.about.tested)].astype(np.bool_)
            if len(found) != len(self.about.tested):
                raise ValueError
            self.results[key] = found

    def missing(self, size: Size, seed: int) -> str:
        """The rows that are not fitted yet; a failed one is tried again."""
        return "".join(name for name in size.rows if (size.share, seed, name) not in self.results)

    def seconds(self, seed: int, size: Size) -> float:
        """What is left to do is expected to take so long."""
        each, rows = budget.work_seconds(size, self.rates, len(self.about.tested)), self.missing(size, seed)
        draws = any(name in GENERATED for name in rows)
        trains = draws and size.trained is not None and not self._place(size, seed).is_dir()
        return each["fit"] * len(rows) + each["draw"] * draws + each["train"] * trains

    def do(self, seed: int, size: Size) -> None:
        """Everything that is missing of one size and seed. What fails is noted, and the rest goes on."""
        rows = self.missing(size, seed)
        part = replace(self.about.prepared, train=budget.subset(self.about.prepared, size.share, seed))
        for name in (name for name in rows if name not in GENERATED):
            self._try(size, seed, name, partial(self._fit, size, seed, name, part, None))
        wanted = [name for name in rows if name in GENERATED]
        drawn: list[Samples] = []

        def draws() -> Json:
            drawn.append(self._images(size, seed, part))
            return {"generated": len(drawn[0].pixels)}

        if wanted and not self._try(size, seed, GENERATOR, draws):
            for name in wanted:
                self.failures[size.share, seed, name] = self.failures[size.share, seed, GENERATOR]
            return
        for name in wanted:
            self._try(size, seed, name, partial(self._fit, size, seed, name, part, drawn[0]))

    def _try(self, size: Size, seed: int, name: str, work: Callable[[], Json]) -> bool:
        began = time.monotonic()
        line: Json = {"share": size.share, "seed": seed, "row": name}
        try:
            line |= work()
        except RunFailedError as error:
            line["failed"] = str(error).partition(";")[0]  # what follows is advice on a run's flags
        except (RuntimeError, MemoryError) as error:
            if not health.out_of_memory(error):
                raise
            line["failed"] = "memory ran out"
        line["seconds"] = round(time.monotonic() - began, 3)
        self.journal.add(line)
        self._take(line)
        return "failed" not in line

    def _place(self, size: Size, seed: int) -> Path:
        return self.generators / f"{size.share:g}-seed-{seed}"

    def _images(self, size: Size, seed: int, part: PreparedSet) -> Samples:
        """What is drawn for one size and seed: by the run's own generator, or by one that saw this part alone."""
        sampler = self.about.sampler
        if size.trained is not None:
            place = self._place(size, seed)
            if not place.is_dir():
                run = self.about.run.model_copy(update={"seed": seed})
                game = trained(run, part, size.trained, self.about.speed, self._telling(self.rates.training))
                record = {**self.about.record, "run": {**self.about.record["run"], "seed": seed}}
                bundle.write(place, bundle.bundle_info(record, size.trained), game.bundle_networks())
            sampler = Sampler(bundle.read(place), self.about.name)
        return draw_samples(sampler, part, size.generated, seed, self._telling(self.rates.drawing))

    def _fit(self, size: Size, seed: int, name: str, part: PreparedSet, drawn: Samples | None) -> Json:
        """Fits and tests one row; `right`: which held-out images it got right, as base64 of their bits."""
        pixels, labels, rows = shown(part, self.labels, name, drawn, size.shown, seed)
        telling = self._telling(size.shown / size.fit_seconds(self.rates, len(self.about.tested)))
        network = fit_classifier(
            pixels,
            labels,
            len(part.classes),
            size.shown,
            seed,
            telling,
            augment=random_affine if name in AUGMENTED else unchanged,
            rows=rows,
        )
        logits = predict(network, part.pixels[self.about.tested])
        if not np.isfinite(logits).all():
            raise RunFailedError("the classifier's logits are not numbers")
        right = logits.argmax(1) == self.labels[self.about.tested]
        return {"right": base64.b64encode(np.packbits(right).tobytes()).decode("ascii")}

    def _telling(self, rate: float) -> Callable[[int], None]:
        """Tells the bar of so many images at so many a second."""

        def tell(images: int) -> None:
            self._part_of_a_second += images / rate
            if self.bar is not None and (whole := int(self._part_of_a_second)):
                self._part_of_a_second -= whole
                self.bar.advance(whole)

        return tell


def shown(
    part: PreparedSet, labels: Indices, name: str, drawn: Samples | None, count: int, seed: int
) -> tuple[Pixels, Indices, Indices]:
    """Pixels, their labels, and the `count` rows of them that a fit shows, each as often as it is shown.

    part: its training images are the real ones. Half of what `c` and `e` show is real. The batch is then the same
    whatever there is to learn from, and so is the number of steps.
    """
    if name not in GENERATED:
        return part.pixels, labels, dealt(part.train, count, seed, "real")
    assert drawn is not None, "this row shows generated images"
    assert drawn.labels is not None, "they were asked for by class"
    made = np.arange(len(drawn.pixels))
    if name == "d":
        return drawn.pixels, drawn.labels, dealt(made, count, seed, "generated")
    half = count // 2
    real = dealt(part.train, count - half, seed, "real")
    own = np.unique(real)
    pixels = np.concatenate([part.pixels[own], drawn.pixels])
    rows = np.concatenate([np.searchsorted(own, real), len(own) + dealt(made, half, seed, "generated")])
    return pixels, np.concatenate([labels[own], drawn.labels]), rows


def dealt(rows: Indices, count: int, seed: int, purpose: str) -> Indices:
    """(count,): every row once in random order, again and again until there are enough."""
    rounds = -(-count // len(rows))
    orders = [
        torch.randperm(len(rows), generator=stream(seed, f"worth/{purpose}", number)).numpy()
        for number in range(rounds)
    ]
    return np.asarray(np.asarray(rows)[np.concatenate(orders)[:count]], np.int64)


def unchanged(images: Tensor, generator: torch.Generator) -> Tensor:
    """No augmentation."""
    return images
