"""Should one train a classifier with a run's images? `ganvas worth` asks this as an experiment about a run.

At a reduced share the generator is trained anew on that part of the set alone. One that saw the whole set carries what
it learned there into every part, so variants that use the run's own generator give no verdict.
"""

import shlex
from pathlib import Path

from pydantic import JsonValue, ValidationError

from ganvas import console, files
from ganvas.errors import UserError
from ganvas.evaluation.fit import BATCH, weights_digest
from ganvas.experiments import analysis, budget, verdict
from ganvas.experiments.budget import MINUTES, QUICK_MINUTES, CostPlan, Worth
from ganvas.experiments.experiment import Experiment, Measure, Variant
from ganvas.experiments.journal import Journal
from ganvas.experiments.page import Names
from ganvas.experiments.results import ExperimentResults
from ganvas.experiments.trials import carry_out, software_and_machine
from ganvas.experiments.worth_trials import GENERATED, GENERATORS, Subject, measure_worth
from ganvas.report.page import escape_markdown

RESULTS, NAMES = "worth.jsonl", Names("worth.md", "worth.html", "worth.png", "worth-images.png")
LIMITS = (
    "Another classifier, or a longer fit, may gain more or less.",
    "The run's own generator saw every part of the set: nothing is concluded from its rows. They show at best what a "
    "generator gives that knows more images than the classifier.",
)


def weigh(subject: Subject, choices: Worth, folder: Path) -> ExperimentResults:
    """Does what is missing and returns all of it, the verdict included.

    Finished trials are kept in `folder`/worth.jsonl. UserError if another comparison was begun there.
    """
    journal, prepared = Journal(folder / RESULTS), subject.prepared
    asked: dict[str, JsonValue] = {
        **choices.model_dump(),
        "minutes": choices.minutes or (QUICK_MINUTES if choices.quick else MINUTES),
        "images of": prepared.fingerprint[:16],
        "generator": weights_digest(subject.sampler.generator)[:16],
    }
    journal.refuse_another(asked)
    if journal.header:
        try:
            plan = CostPlan.model_validate(journal.header.plan.get("budget"))
        except ValidationError:
            raise UserError(f"{journal.path}: line 1 is damaged; remove the file to begin anew") from None
    else:
        console.info("measuring how fast this machine fits and trains")
        rates = budget.measured_rates(subject.run, prepared, subject.compute)
        plan = budget.plan_costs(prepared, rates, choices, len(subject.tested), subject.sampler.info.images)
    experiment = experiment_of(subject, plan, choices)
    seeds, trials = range(choices.seed, choices.seed + choices.seeds), len(experiment.variants) * choices.seeds
    seconds = 60 * plan.minutes * budget.at_once(trials) / trials  # on average
    with journal.begun(asked, {**software_and_machine(), "budget": plan.model_dump(mode="json")}):
        carry_out(experiment, str(subject.path), seeds, seconds, journal)

    outcome = analysis.read_results(journal.finished)
    results = analysis.assemble(
        experiment,
        f"Are images of {subject.name} worth learning from?",
        verdict.conclude(plan.shares, seeds, outcome),
        outcome,
        seeds,
        method(subject, plan, choices, outcome.seconds),
        f"ganvas worth {run_argument(subject)}{' --quick' * choices.quick} --seeds {choices.seeds} "
        f"--seed {choices.seed} --minutes {plan.minutes:g}",
    )
    if results.done == results.trials:
        files.remove(folder / GENERATORS)
    return results


def run_argument(subject: Subject) -> str:
    """The run as a shell's argument: its path as it was given, or its name where that would tell of a whole disk."""
    return shlex.quote(subject.name if subject.path.is_absolute() else str(subject.path))


def experiment_of(subject: Subject, plan: CostPlan, choices: Worth) -> Experiment:
    """The experiment: every way of learning at every share, after the generator whose images it learns from."""
    variants = []
    for share in plan.shares:
        generator = f"generator ({share.percent})"
        about = {"share": share, "tested": choices.most_tested, "source": subject.moved_to}
        variants.append(Variant(generator, {**about, "way": ""}))
        for way in share.ways:
            after = generator if way in GENERATED else ""
            variants.append(Variant(verdict.name_of(share, way), {**about, "way": way}, after=after))
    rare = subject.rare
    names = ", ".join(subject.prepared.classes[k] for k in rare.classes)
    recall = "lowest recall of a class" if rare.balanced else f"recall of the rarest ({names})"
    return Experiment(
        name="worth",
        claim="Should a classifier learn with these images, in place of real ones and classic augmentation alone?",
        measure=measure_worth,
        variants=tuple(variants),
        measures=(verdict.ACCURACY, Measure("rare_recall", recall, "higher", "percent", 1, is_share=True)),
        comparisons=(),
        limits=LIMITS,
        needs_every_seed=True,
    )


def method(subject: Subject, plan: CostPlan, choices: Worth, cpu_seconds: float) -> tuple[str, ...]:
    """How it was measured, in sentences: first what was spent on each share, for each seed."""
    sentences = []
    for share in plan.shares:
        generator = "the run's own generator"
        if share.trained is not None:
            generator = f"a generator trained anew on these with {share.trained:,} images shown"
        sentences.append(
            f"{share.percent} of the training images, {share.images:,}: {share.shown:,} images shown a fit; "
            f"{share.generated:,} drawn by {generator}{share.note and f'; {share.note}'}."
        )
    prepared, margin, rare = subject.prepared, f"{100 * verdict.MARGIN:g} points", subject.rare
    names, counts = [escape_markdown(name) for name in prepared.classes], budget.class_counts(prepared)
    rarest = ", ".join(f"{names[k]} ({counts[k]:,})" for k in rare.classes)
    seeds = range(choices.seed, choices.seed + choices.seeds)
    sentences += [
        f"Each fit shows its images to the same small network, in batches of {BATCH}, and is tested on "
        f"{len(subject.tested):,} real held-out images of {escape_markdown(prepared.name)} "
        f"({prepared.fingerprint[:16]}). Half of what a mix of real and generated images shows is real.",
        "Augmented: turned by up to 10 degrees, scaled by up to 10 %, shifted by up to a 14th of a side; never "
        "mirrored. The other variants have no augmentation.",
        "A reduced share is a part of each class; its generator is trained anew on that part alone, by the run's own "
        f"recipe ({subject.run.recipe}; the run's generator was shown {subject.sampler.info.images:,} images).",
        f"Seeds {', '.join(map(str, seeds))}: each has its own part, generator and first weights. "
        "Intervals of variants are Student's over the seeds, 95 %.",
        "Rows of the run's own generator, which saw the whole set, are there to compare with and give no verdict.",
        "Variants are compared by seed and by held-out image: an interval of a gain holds the spread over both, at the "
        f"level at which Holm's procedure tests it, 5 % in all. Yes: a gain of {margin} or more over both variants "
        f"without, whose interval lies above 0. No: every interval lies below {margin}. A share whose generated images "
        f"alone teach less than {100 * verdict.LEARNED:g} % of what real ones do is not answered.",
        "No class has fewer than half as many images as another, so the lowest recall is reported."
        if rare.balanced
        else f"Rarest classes, with their training images: {rarest}.",
        f"Budget {plan.minutes:g} minutes{' (quick)' if choices.quick else ''}: {plan.fits * choices.seeds} fits and "
        f"{plan.trainings * choices.seeds} trainings, each on one thread; they took {cpu_seconds:,.0f} CPU seconds.",
    ]
    tested = set(subject.test_labels.tolist())
    if untested := [name for k, name in enumerate(names) if k not in tested]:
        sentences.append(f"No image is held out of {', '.join(untested)}: nothing is known of these.")
    return tuple(sentences)
