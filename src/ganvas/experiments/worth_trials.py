"""The trials of `worth`: a generator trained on a part of a set, and classifiers that learn with its images."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas.config.run import ComputeConfig, RunConfig
from ganvas.data import PreparedSet
from ganvas.data.prepared import refuse_several_parts
from ganvas.errors import RunFailedError, UserError
from ganvas.evaluation.fit import fit_classifier
from ganvas.evaluation.predict import predict
from ganvas.evaluation.samples import Samples, draw_samples, subsample
from ganvas.evaluation.scorecard import Origin
from ganvas.experiments.budget import Share, class_counts, subset
from ganvas.experiments.experiment import Flags, Measurements, Trial, Variant
from ganvas.experiments.gan_trials import train_for_images
from ganvas.images import Pixels
from ganvas.objectives.augment import random_affine
from ganvas.rng import stream
from ganvas.runs import bundle, sealed
from ganvas.runs.folder import RunFolder
from ganvas.runs.source import open_training_set
from ganvas.sampling import Sampler

WAYS = {
    "a": "real only",
    "b": "real, augmented",
    "c": "real + generated",
    "d": "generated only",
    "e": "real + generated, augmented",
    "f": "real + the run's own generated, augmented",
}
AUGMENTED, GENERATED, OWN = "bef", "cdef", "f"
GENERATORS = "worth-generators"
Indices = NDArray[np.int64]


class Rare(NamedTuple):
    """The classes whose recall is reported beside the accuracy."""

    classes: tuple[int, ...]
    balanced: bool
    """Whether no class is rare, and the lowest recall of any class is reported instead."""

    def recall(self, right: Flags, labels: Indices) -> float:
        """The mean recall of the rare classes, or the lowest of all; of the answers to images (N,) with labels (N,)."""
        recalls = [float(right[labels == k].mean()) for k in self.classes]
        return min(recalls) if self.balanced else float(np.mean(recalls))


def rare_classes(trained: Indices, tested: Indices) -> Rare:
    """The tenth of the classes with the fewest training images (K,), among those with held-out images (N,).

    A set is balanced if its smallest class has at least half as many images as its largest.
    """
    known = [int(k) for k in np.unique(tested)]
    if 2 * trained[known].min() >= trained[known].max():
        return Rare(tuple(known), True)
    return Rare(tuple(sorted(known, key=lambda k: (trained[k], k))[: -(-len(known) // 10)]), False)


@dataclass(frozen=True)
class Subject:
    """A run that is asked about, and the set it was trained on."""

    name: str
    path: Path
    run: RunConfig
    """As it was asked for. What it leaves to the data is "auto" here, to be resolved on the part that is trained on."""
    compute: ComputeConfig
    """The run's own, on one thread."""
    prepared: PreparedSet
    sampler: Sampler
    tested: Indices
    """Rows of the held-out images that every fit is tested on."""
    moved_to: str | None = None
    """Where its set lies now, if it is not where it was."""

    @property
    def test_labels(self) -> Indices:
        """(N,): the labels of the held-out images that every fit is tested on."""
        return np.asarray(self.prepared.labels)[self.tested]

    @property
    def rare(self) -> Rare:
        """The rare classes of the whole set: the same ones at every share."""
        return rare_classes(class_counts(self.prepared), self.test_labels)


def open_subject(path: Path, most_tested: int, moved_to: str | None = None) -> Subject:
    """Opens a run and its set, which may have moved. Fits are tested on at most so many held-out images.

    UserError if the question makes no sense for the run, or cannot be answered.
    """
    if (path / sealed.MANIFEST).is_file():
        raise UserError(f"{path} is a bundle, which does not say where its images lie: give the run's own folder")
    sampler = Sampler(bundle.open_run(path), path.resolve().name)
    if not sampler.classes:
        raise UserError(f"{sampler.name} was trained without labels, and a classifier learns labels")
    if len(sampler.classes) == 1:
        raise UserError(f"{sampler.name} knows one class, and a classifier tells classes apart")
    record = RunFolder(path).read()
    run = record.asked.configure()
    prepared = open_training_set(RunFolder(path), moved_to)
    refuse_several_parts(prepared, "worth")
    if not len(prepared.held_out):
        raise UserError(
            f"{prepared.name} gives no held-out images, without which no classifier can be tested; "
            "at least 10 of a class are needed"
        )
    compute = replace(record.run.compute, threads=1)
    tested = subsample(np.asarray(prepared.held_out), prepared.labels, most_tested)
    return Subject(sampler.name, path, run, compute, prepared, sampler, tested, moved_to)


def measure_worth(trial: Trial, variant: Variant) -> Measurements:
    """accuracy: whether each held-out image (N,) is classified rightly; rare_recall: of the set's rare classes.

    Read from the variant's choices: `share`, how much is spent on which part of the set; `tested`, the most held-out
    images; `source`, where the set lies now if it has moved; `way`, the letter of what is learned from, or none for
    the generator, which gives `generated`, the number of its images.
    """
    share: Share = variant.choices["share"]
    way: str = variant.choices["way"]
    subject = open_subject(Path(trial.source), variant.choices["tested"], variant.choices.get("source"))
    part = replace(subject.prepared, train=subset(subject.prepared, share.share, trial.seed))
    source = share.model_copy(update={"trained": None}) if way == OWN else share
    generated = generated_images(subject, part, source, trial) if way in GENERATED or not way else None
    if not way:
        assert generated is not None
        return {"generated": float(len(generated.pixels))}
    pixels, labels, rows = training_images(part, way, generated, share.shown, trial.seed)
    network = fit_classifier(
        pixels,
        labels,
        len(part.classes),
        share.shown,
        trial.seed,
        augment=random_affine if way in AUGMENTED else lambda images, _: images,
        rows=rows,
    )
    logits = predict(network, part.pixels[subject.tested])
    if not np.isfinite(logits).all():
        raise RunFailedError("the classifier's logits are not numbers")
    right = logits.argmax(1) == subject.test_labels
    return {"accuracy": right, "rare_recall": subject.rare.recall(right, subject.test_labels)}


def generated_images(subject: Subject, part: PreparedSet, share: Share, trial: Trial) -> Samples:
    """Images of the run's own generator, or of one that is trained on this part alone, with the trial's seed.

    They are drawn once for a share and seed, and kept for the trials that learn from them.
    """
    own = "own-" if share.trained is None else ""
    path = trial.folder / GENERATORS / f"{own}{share.share:g}-seed-{trial.seed}.npz"
    if not path.exists():
        if share.trained is None:
            samples = draw_samples(subject.sampler, part, share.generated, trial.seed)
        else:
            run = subject.run.model_copy(update={"seed": trial.seed})
            samples = train_for_images(run, part, share.trained, subject.compute).draw(share.generated)
        assert samples.labels is not None, "images are asked for by class"
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_name(f".{trial.variant}-{path.name}")
        np.savez(unfinished, pixels=samples.pixels, labels=samples.labels)
        unfinished.replace(path)
    with np.load(path) as saved:
        return Samples(subject.name, saved["pixels"], saved["labels"], Origin())


def training_images(
    part: PreparedSet, way: str, generated: Samples | None, count: int, seed: int
) -> tuple[Pixels, Indices, Indices]:
    """Pixels, their labels, and the `count` rows of them that a fit shows, each as often as it is shown.

    part: its training images are the real ones. Half of what `c`, `e` and `f` show is real. The batch is the same
    whatever there is to learn from, and so is the number of steps.
    """
    labels = np.asarray(part.labels)
    if generated is None:
        return part.pixels, labels, shuffled_rows(part.train, count, seed, "real")
    assert generated.labels is not None, "images are asked for by class"
    every = np.arange(len(generated.pixels))
    if way == "d":
        return generated.pixels, generated.labels, shuffled_rows(every, count, seed, "generated")
    half = count // 2
    real = shuffled_rows(part.train, count - half, seed, "real")
    own = np.unique(real)
    pixels = np.concatenate([part.pixels[own], generated.pixels])
    rows = [np.searchsorted(own, real), len(own) + shuffled_rows(every, half, seed, "generated")]
    return pixels, np.concatenate([labels[own], generated.labels]), np.concatenate(rows)


def shuffled_rows(rows: Indices, count: int, seed: int, purpose: str) -> Indices:
    """(count,): every row once in random order, again and again until there are enough."""
    orders = [
        torch.randperm(len(rows), generator=stream(seed, f"worth/{purpose}", epoch)).numpy()
        for epoch in range(-(-count // len(rows)))
    ]
    return np.asarray(np.asarray(rows)[np.concatenate(orders)[:count]], np.int64)
