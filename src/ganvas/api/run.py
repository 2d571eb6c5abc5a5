"""A run: its folder, its record, its log, images of it and its measurements."""

from collections.abc import Iterator, Mapping, Sequence
from operator import index as whole_number
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ganvas import console
from ganvas.alpha import straighten
from ganvas.api.dataset import Dataset
from ganvas.api.evaluate import evaluate
from ganvas.api.images import Images
from ganvas.api.keywords import Place, ScoreOptions, given, in_keywords, path_of
from ganvas.api.scores import Scores
from ganvas.config.sample import SampleConfig
from ganvas.data.label_names import Label
from ganvas.errors import UserError
from ganvas.evaluation.scorecard import read_scorecard
from ganvas.report import page
from ganvas.report.log import columns, read_log
from ganvas.report.page import table
from ganvas.runs import sealed
from ganvas.runs.bundle import open_run
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import RunRecord
from ganvas.sampling import Sampler, split_evenly
from ganvas.settings import parse

Labels = Label | Sequence[Label] | NDArray[Any]


class Run:
    """A run's folder, finished or not, or a bundle alone. It reads what is there when it is asked.

    A `Run` is a path too: it can be given wherever a run's folder can.
    """

    def __init__(self, folder: Place, fast: bool = False) -> None:
        """fast: samples in bfloat16 where the CPU multiplies it, a fraction of a grey level off on average."""
        self.folder = path_of(folder)
        self._fast = fast
        self._sampler: tuple[object, Sampler] | None = None

    def __fspath__(self) -> str:
        return str(self.folder)

    @property
    def is_bundle(self) -> bool:
        """Whether this is a generator alone, without the run that it came from."""
        return (self.folder / sealed.MANIFEST).is_file()

    @property
    def record(self) -> RunRecord:
        """What was asked for, what it became, on what data, its state and its cost."""
        with in_keywords():
            if self.is_bundle:
                raise UserError(f"{self.folder} is a bundle: the record is in the folder of its run")
            return RunFolder(self.folder).read()

    @property
    def status(self) -> str:
        """begun, interrupted, stopped (by the watchdog) or finished."""
        return self.record.status

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that images can be asked for; none for a generator without labels."""
        if self.is_bundle:
            return self.sampler.classes
        record = self.record
        return record.data.classes if record.run.labels == "on" else ()

    @property
    def log(self) -> dict[str, NDArray[np.float64]]:
        """Each figure of the log as a column (n,), a value for each logged moment: `images`, `loss_d`, `loss_g`, ...

        NaN where it was not measured. Columns have equal lengths, ready for `pandas.DataFrame(run.log)`.
        """
        with in_keywords():
            log = RunFolder(self.folder).log
            return columns(read_log(log)) if log.is_file() else {}

    @property
    def previews(self) -> list[Path]:
        """The PNG files of images of the same noise as training went on, oldest first."""
        return sorted(RunFolder(self.folder).previews.glob("*.png"))

    @property
    def scorecard(self) -> Scores | None:
        """The measurements that the last `evaluate` left in the folder; None before it."""
        file = self.folder / "scorecard.json"
        with in_keywords():
            return Scores.of(read_scorecard(file), self.folder) if file.is_file() else None

    @property
    def sampler(self) -> Sampler:
        """What generates its images. UserError for a run that has no generator yet, or a classifier."""
        run = RunFolder(self.folder)
        written = [run.bundle, *reversed(run.checkpoints())]
        newest = next((path.stat().st_mtime_ns for path in written if path.is_dir()), None)
        if self._sampler is None or self._sampler[0] != newest:
            with in_keywords():
                self._sampler = newest, Sampler(open_run(self.folder), self.folder.resolve().name, self._fast)
        return self._sampler[1]

    def sample(
        self,
        labels: Labels | None = None,
        count: int | None = None,
        *,
        seed: int = 0,
        truncation: float | None = None,
    ) -> Images:
        """Generates images. The k-th image of a label depends on the label, the seed and k alone.

        labels: a class, by its name or number, or of a label of several parts a dict of theirs, {"shape": "star"},
            for `count` images of it (default: one); several classes with a
            `count`, split evenly among them; several without, for an image each, in their order; None for all classes.
        count: images in total; by default 8 of each class, or 64 of a generator without labels.
        truncation: noise values beyond it are drawn again: less variety, fewer odd images.
        """
        with in_keywords():
            config = parse(SampleConfig, given({"count": count, "seed": seed, "truncation": truncation}))
            sampler = self.sampler
            if not sampler.classes:
                total = self._total_without_labels(labels, config)
                return Images(sampler.sample(total, config.seed, config.truncation))
            space, wanted = sampler.space, [sampler.partial(label) for label in self._labels(labels, config)]
            if config.count is not None or labels is None:
                every = [*space.combinations] if space.is_single else [(None,) * len(space.parts)]
                several = list(dict.fromkeys(wanted)) or every
                total = config.total(len(several) if wanted or space.is_single else 0)
                counts = split_evenly(total, range(len(several)))
                wanted = [label for label, many in zip(several, counts, strict=True) for _ in range(many)]
            pixels = sampler.sample_labels(wanted, config.seed, config.truncation)
            return Images(straighten(pixels), [space.name_of(row) for row in sampler.completed(wanted, config.seed)])

    def _labels(self, labels: Labels | None, config: SampleConfig) -> Sequence[Label]:
        """The labels as a list. UserError for a bare number, which may mean a class or how many."""
        if labels is None:
            return []
        if _is_number(labels) and config.count is None:
            raise UserError(
                f"{self.folder.name} draws by class: sample({labels}, 8) draws eight images of the label {labels}, "
                f"and sample(count={labels}) so many of all classes"
            )
        if isinstance(labels, str | Mapping) or _is_number(labels) or not hasattr(labels, "__len__"):
            return [labels]  # type: ignore[list-item]
        if not len(labels) and config.count is not None:  # type: ignore[arg-type]
            raise UserError("there are no labels: name classes, or leave them out for all")
        return labels  # type: ignore[return-value]

    def _total_without_labels(self, labels: Labels | None, config: SampleConfig) -> int:
        if labels is not None and _is_number(labels) and config.count is None:
            return parse(SampleConfig, given({"count": labels})).total(0)
        if labels is not None:
            raise UserError(f"{self.folder.name} was trained without labels: give a number of images")
        return config.total(0)

    def between(self, start: Label, end: Label, steps: int = 8, *, seed: int = 0) -> Images:
        """One seed's image on its way from a class to another, in so many steps, both ends included."""
        with in_keywords():
            config = parse(SampleConfig, given({"count": steps, "seed": seed}))
            if not self.sampler.classes:
                raise UserError(f"{self.folder.name} was trained without labels: there is nothing to walk between")
            return Images(self.sampler.between(start, end, max(2, config.total(2)), config.seed))

    def evaluate(
        self,
        *,
        against: Place | Dataset | None = None,
        moved_to: Place | None = None,
        out: Place | None = None,
        **options: Unpack[ScoreOptions],
    ) -> Scores:
        """Scores it against real images: see `ganvas.evaluate`."""
        return evaluate(self, against=against, moved_to=moved_to, out=out, **options)

    def _facts(self) -> Iterator[tuple[str, str]]:
        if self.is_bundle:
            info = self.sampler.info
            yield "bundle", f"{info.recipe} on {info.source}, {info.images:,} images shown"
            yield "classes", ", ".join(info.classes[:20]) or "none: without labels"
            return
        record = self.record
        data = record.data
        channels = {1: "grey", 3: "RGB", 4: "RGBA"}[data.channels]
        yield "run", f"{record.run.recipe} on {data.name}, {data.size} px, {channels}"
        shown = f"{record.images_seen:,} of {record.run.images:,} images shown" if record.step else "no image saved yet"
        yield "status", f"{record.status}, {shown}, {console.duration(record.training_seconds)}"
        yield "classes", ", ".join(self.classes[:20]) or "none: without labels"
        if record.results is not None:
            yield "accuracy", f"{record.results.accuracy:.4f} on {record.results.held_out} held-out images"
        if (scores := self.scorecard) is not None:
            yield "scorecard", next(iter(scores.findings), "")
        yield "folder", str(self.folder)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {console.printable(fact)}" for name, fact in self._facts())

    def _repr_html_(self) -> str:
        (first, *facts), newest = self._facts(), self._repr_png_()
        images = {} if newest is None else {"preview.png": newest}
        return page.fragment(f"{table(first, facts)}\n![Newest preview: images of the same noise](preview.png)", images)

    def _repr_png_(self) -> bytes | None:
        """The newest preview."""
        previews = self.previews
        return previews[-1].read_bytes() if previews else None


def _is_number(value: object) -> bool:
    if isinstance(value, str | bool | Mapping):
        return False
    try:
        whole_number(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True
