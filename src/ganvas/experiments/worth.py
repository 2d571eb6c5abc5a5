"""Should one train a classifier with a run's images? `ganvas worth` asks this as an experiment about a run.

At a reduced share the generator is trained anew on that part of the set alone. One that saw the whole set carries what
it learned there into every part, so variants that use the run's own generator give no verdict.
"""

from pathlib import Path

import numpy as np
from pydantic import Field, JsonValue, ValidationError

from ganvas import console, files
from ganvas.errors import UserError
from ganvas.evaluation.fit import BATCH, weights_digest
from ganvas.experiments import analysis, budget, verdict
from ganvas.experiments.budget import Plan, Share, percent
from ganvas.experiments.experiment import Experiment, Measure, Variant
from ganvas.experiments.journal import Journal
from ganvas.experiments.page import Names
from ganvas.experiments.results import ExperimentResults
from ganvas.experiments.trials import assemble, carry_out, software_and_machine
from ganvas.experiments.worth_trials import GENERATED, GENERATORS, WAYS, Subject, measure_worth, rare_classes
from ganvas.report.page import escape_markdown
from ganvas.settings import Settings

RESULTS, NAMES = "worth.jsonl", Names("worth.md", "worth.html", "worth.png", "worth-images.png")
MINUTES, QUICK_MINUTES = 15.0, 3.0
AUGMENTATION = "turned by up to 10 degrees, scaled by up to 10 %, shifted by up to a 14th of a side; never mirrored"
LIMITS = (
    "Another classifier, or a longer fit, may gain more or less.",
    "With the whole set the run's own generator serves, which saw every part of it: nothing is concluded from that.",
)


class Worth(Settings):
    """How much is spent on the question."""

    quick: bool = False
    """Reduced shares alone, and fewer images shown."""
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


def weigh(subject: Subject, choices: Worth, folder: Path) -> ExperimentResults:
    """Does what is missing and returns all of it, the verdict included.

    Finished trials are kept in `folder`/worth.jsonl. UserError if another comparison was begun there.
    """
    journal = Journal(folder / RESULTS)
    asked: dict[str, JsonValue] = {
        **choices.model_dump(),
        "minutes": choices.budget_minutes,
        "images of": subject.prepared.fingerprint[:16],
        "generator": weights_digest(subject.sampler.generator)[:16],
    }
    journal.refuse_another(asked)
    try:
        kept = journal.header and journal.header.plan["budget"]
        plan = Plan.model_validate(kept) if kept else planned(subject, choices)
    except (KeyError, ValidationError):
        raise UserError(f"{journal.path}: line 1 is damaged; remove the file to begin anew") from None
    experiment = experiment_of(subject, plan, choices)
    journal.begin(asked, {**software_and_machine(), "budget": plan.model_dump(mode="json")})
    trials = len(experiment.variants) * choices.seeds
    seconds = 60 * plan.minutes * budget.at_once(trials) / trials  # on average
    carry_out(experiment, str(subject.path), choices.all_seeds, seconds, journal)
    results = results_of(subject, experiment, plan, choices, journal)
    if results.done == results.trials:
        files.remove(folder / GENERATORS)
    return results


def planned(subject: Subject, choices: Worth) -> Plan:
    """The plan of a new comparison. Minutes that were not given may become more, on a slow or busy machine."""
    console.info("measuring how fast this machine fits and trains")
    rates = budget.measured_rates(subject.run, subject.prepared, subject.compute)
    wish = budget.Wish(choices.seeds, choices.quick, subject.sampler.info.images, len(subject.tested))
    minutes = choices.budget_minutes
    if choices.minutes is None and (least := budget.enough(subject.prepared, rates, minutes, wish)) > minutes:
        console.info(f"{minutes:g} minutes are too few on this machine, as busy as it is: {least:g} are taken")
        minutes = least
    return budget.plan(subject.prepared, rates, minutes, wish)


def experiment_of(subject: Subject, plan: Plan, choices: Worth) -> Experiment:
    """The experiment: every way of learning at every share, after the generator whose images it learns from."""
    variants = []
    for share in plan.shares:
        generator, about = f"generator ({percent(share.share)})", {"share": share, "tested": choices.most_tested}
        variants.append(Variant(generator, {**about, "way": ""}))
        for way in list(WAYS)[: budget.fits(share.share)]:
            after = generator if way in GENERATED else ""
            variants.append(Variant(verdict.name_of(share, way), {**about, "way": way}, after=after))
    labels = np.asarray(subject.prepared.labels)[subject.tested]
    rare = rare_classes(budget.class_counts(subject.prepared), labels)
    classes = ", ".join(subject.prepared.classes[k] for k in rare.classes)
    recall = "lowest recall of a class" if rare.balanced else f"recall of the rarest ({classes})"
    return Experiment(
        name="worth",
        claim="Should a classifier learn with these images, in place of real ones and classic augmentation alone?",
        measure=measure_worth,
        variants=tuple(variants),
        measures=(verdict.ACCURACY, Measure("rare_recall", recall, "higher", "percent", 1)),
        comparisons=(),
        limits=LIMITS,
        needs_every_seed=True,
    )


def results_of(
    subject: Subject, experiment: Experiment, plan: Plan, choices: Worth, journal: Journal
) -> ExperimentResults:
    """What a page is made of."""
    seeds, results = choices.all_seeds, analysis.read(journal.finished)
    findings = verdict.judge(experiment, plan.shares, seeds, results)
    sentences = (*map(describe_share, plan.shares), *method(subject, plan, choices, results.seconds))
    title = f"Are images of {subject.name} worth learning from?"
    flags = f"{' --quick' * choices.quick} --seeds {choices.seeds} --seed {choices.seed} --minutes {plan.minutes:g}"
    command = f"ganvas worth {subject.name}{flags}"
    return assemble(experiment, title, findings, results, seeds, sentences, command)


def describe_share(share: Share) -> str:
    """What was spent on a share, for each seed."""
    anew = share.trained and f"a generator trained anew on these with {share.trained:,} images shown"
    generator = anew or "the run's own generator"
    note = f"; {share.note}" if share.note else ""
    return (
        f"{percent(share.share)} of the training images, {share.images:,}: {share.shown:,} images shown a fit; "
        f"{share.generated:,} drawn by {generator}{note}."
    )


def method(subject: Subject, plan: Plan, choices: Worth, cpu_seconds: float) -> tuple[str, ...]:
    """How it was measured, in sentences."""
    prepared, margin = subject.prepared, f"{100 * verdict.MARGIN:g} points"
    labels = np.asarray(prepared.labels)[subject.tested]
    tested = set(labels.tolist())
    untested = [escape_markdown(name) for k, name in enumerate(prepared.classes) if k not in tested]
    rare, counts = rare_classes(budget.class_counts(prepared), labels), budget.class_counts(prepared)
    rarest = ", ".join(f"{escape_markdown(prepared.classes[k])} ({counts[k]:,})" for k in rare.classes)
    fits, trainings = (
        choices.seeds * sum(count(share.share) for share in plan.shares) for count in (budget.fits, budget.trainings)
    )
    sentences = [
        f"Each fit of a share shows as many images, in batches of {BATCH}, to the same small network; all are tested "
        f"on {len(subject.tested):,} real held-out images of {escape_markdown(prepared.name)} "
        f"({prepared.fingerprint[:16]}). Half of what a mix of real and generated images shows is real.",
        f"Augmented: {AUGMENTATION}. The other variants have no augmentation.",
        "A reduced share is a part of each class; its generator is trained anew on that part alone, by the run's own "
        f"recipe ({subject.run.recipe}; the run's generator was shown {subject.sampler.info.images:,} images).",
        f"Seeds {', '.join(map(str, choices.all_seeds))}: each has its own part, generator and first weights. "
        "Intervals of variants are Student's over the seeds, 95 %.",
        "Variants are compared by seed and by held-out image: an interval of a gain holds the spread over seeds and "
        f"over held-out images. Yes: a variant with generated images beats both without by {margin} or more, at 5 % "
        f"after Holm's correction over variants and shares. No: each is shown to gain less than {margin}.",
        "No class has fewer than half as many images as another, so the lowest recall is reported."
        if rare.balanced
        else f"Rarest classes, with their training images: {rarest}.",
        f"Budget {plan.minutes:g} minutes{' (quick)' if choices.quick else ''}: {fits} fits and {trainings} trainings, "
        f"each on one thread; they took {cpu_seconds:,.0f} CPU seconds.",
    ]
    if untested:
        sentences.append(f"No image is held out of {', '.join(untested)}: nothing is known of these.")
    return tuple(sentences)
