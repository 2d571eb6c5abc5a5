"""Should one train a classifier with a run's images? What is fitted, kept, and made of it.

At a reduced size the generator is trained anew on that part of the set alone: one that saw the whole set carries what
it learned there into every part, so rows that used the run's own generator give no verdict.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

import ganvas
from ganvas import console, files
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation.fit import BATCH, weights_digest
from ganvas.experiments import answer, budget
from ganvas.experiments.budget import Plan
from ganvas.experiments.generators import measured
from ganvas.experiments.journal import Journal
from ganvas.experiments.subject import Subject
from ganvas.experiments.work import Work
from ganvas.settings import Settings

FORMAT = 1
MINUTES, QUICK_MINUTES = 15.0, 3.0
AUGMENTATION = "turned by up to 10 degrees, scaled by up to 10 %, shifted by up to a 14th of a side; never mirrored"
Json = dict[str, Any]


class Worth(Settings):
    """How much is spent on the question."""

    quick: bool = False
    """Reduced sizes alone, and fewer images shown."""
    seeds: int = Field(default=3, ge=1, le=50)
    """How often everything is done, each time with another part of the set, another generator, other first weights."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """The first of the seeds."""
    minutes: float | None = Field(default=None, gt=0, le=10_000)
    """For everything together."""

    @property
    def budget_minutes(self) -> float:
        """What was asked, or the default."""
        return self.minutes or (QUICK_MINUTES if self.quick else MINUTES)

    @property
    def most_tested(self) -> int:
        """Held-out images that each fit is tested on, at most."""
        return budget.QUICK_TESTED if self.quick else budget.MOST_TESTED

    @property
    def all_seeds(self) -> range:
        """Every seed."""
        return range(self.seed, self.seed + self.seeds)


def weigh(about: Subject, choices: Worth, folder: Path) -> Json:
    """Does what is missing of a comparison and returns all of it, the verdict included.

    Finished fits are kept in `folder`/worth.jsonl. UserError if another comparison was begun there.
    """
    journal = Journal(folder / "worth.jsonl")
    asked = {
        **choices.model_dump(exclude={"minutes"}),
        "minutes": choices.budget_minutes,
        "images of": about.prepared.fingerprint[:16],
        "generator": weights_digest(about.sampler.generator)[:16],
    }
    journal.refuse_another(asked)
    try:
        plan = budget.read_plan(journal.plan) if journal.plan is not None else made(about, choices)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{journal.path}: line 1 is damaged; remove the file to begin anew") from None
    sizes = plan.sizes
    folder.mkdir(parents=True, exist_ok=True)
    journal.begin(asked, plan.to_json())
    work = Work(about, journal, plan.rates, folder / "worth-generators")
    left = [(seed, size) for seed in choices.all_seeds for size in sizes if work.missing(size, seed)]
    if not left:
        console.info("every fit was done before")
    else:
        with progress.bar("comparing", round(sum(work.seconds(*each) for each in left)), "seconds of work") as bar:
            work.bar = bar
            for seed, size in left:
                work.do(seed, size)
    if not any(work.missing(size, seed) for seed in choices.all_seeds for size in sizes):
        files.remove(work.generators)
    return card(about, choices, plan, work)


def made(about: Subject, choices: Worth) -> Plan:
    """The plan of a new comparison. Minutes that were not given may become more, on a slow or busy machine."""
    console.info("measuring how fast this machine fits, trains and draws")
    rates = measured(about.run, about.prepared, about.speed, about.sampler)
    wish = budget.Wish(choices.seeds, choices.quick, about.sampler.card.images, len(about.tested))
    minutes = choices.budget_minutes
    if choices.minutes is None and (least := budget.enough(about.prepared, rates, minutes, wish)) > minutes:
        console.info(f"{minutes:g} minutes are too few on this machine, as busy as it is: {least:g} are taken")
        minutes = least
    return Plan(minutes, rates, budget.planned(about.prepared, rates, minutes, wish))


def card(about: Subject, choices: Worth, plan: Plan, work: Work) -> Json:
    """Everything that a report needs, as JSON."""
    prepared, labels, sizes = about.prepared, work.labels[about.tested], plan.sizes
    rare = answer.rare_of(budget.trained_on(prepared), labels)
    failures = {key: why for key, why in work.failures.items() if key not in work.results}
    found = answer.told(sizes, choices.all_seeds, work.results, failures, labels, rare)
    trainings = sum(size.trained is not None for size in sizes) * choices.seeds
    return {
        "format": FORMAT,
        "ganvas": ganvas.__version__,
        "name": about.name,
        "verdict": found["verdict"],
        "sizes": found["sizes"],
        "set": {
            "name": prepared.name,
            "fingerprint": prepared.fingerprint,
            "train": len(prepared.train),
            "tested": len(about.tested),
            "classes": list(prepared.classes),
            "size": prepared.size,
            "channels": prepared.channels,
        },
        "generator": {"recipe": about.run.recipe, "images": about.sampler.card.images},
        "rare": {
            "balanced": rare.balanced,
            "classes": [prepared.classes[k] for k in rare.classes],
            "train": [int(budget.trained_on(prepared)[k]) for k in rare.classes],
        },
        "protocol": {
            "quick": choices.quick,
            "minutes": plan.minutes,
            "seeds": list(choices.all_seeds),
            "batch": BATCH,
            "augmentation": AUGMENTATION,
            "margin": answer.MARGIN,
            "without_held_out": without_tested(prepared, labels),
        },
        "cost": {
            "fits": choices.seeds * sum(len(size.rows) for size in sizes),
            "images_shown_to_classifiers": choices.seeds * sum(size.shown * len(size.rows) for size in sizes),
            "trainings": trainings,
            "images_shown_to_generators": choices.seeds * sum(size.trained or 0 for size in sizes),
            "seconds": round(work.working_seconds, 1),
        },
    }


def without_tested(prepared: PreparedSet, labels: np.ndarray[Any, np.dtype[np.int64]]) -> list[str]:
    """The classes of which no image is held out, so that nothing can be said of them."""
    seen = set(np.unique(labels).tolist())
    return [name for place, name in enumerate(prepared.classes) if place not in seen]
