"""A recipe as it is, and with other settings: `python benchmarks/sweep.py SOURCE --variants "objective.r1=0.1" ...`.

Each quoted argument is one variant, of one or several `--flags` as `ganvas train` takes them, without the dashes. The
recipe and every variant train from the same seeds for the same CPU seconds on one thread, in the precision and
memory layout that suit the recipe as it is on this machine, as many at once as there are cores, each in a process of
its own; 5,000 images are scored afterwards. Prints the AUC of the classifier two-sample test, plain and blurred, KID in
label-free features and each variant's over the recipe's, paired by seed, FCD above its floor, label accuracy of all and
of the worst class, with t intervals, and the steps between neighbouring pixels over the real ones' (grain). `--out`
gets sweep.jsonl; a sweep that was broken off goes on from there, and more variants or seeds may be asked for later;
where the code or the machine has changed since, give another --out.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pairs import machine
from race import Scorer, said

from ganvas import console
from ganvas.config.flags import nested
from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.data import open_source
from ganvas.errors import RunFailedError
from ganvas.experiments.gan_trials import TrainedGan, stretches
from ganvas.experiments.trials import in_processes
from ganvas.training import autotune
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer

AS_IT_IS = ""
Key = tuple[str, int | None, str, str, int, float]


class Trial(NamedTuple):
    """One training."""

    source: str
    recipe: str
    size: int | None
    variant: str
    seed: int
    seconds: float
    speed: ComputeConfig


def main() -> None:
    """Tries what is missing, prints all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--variants", nargs="*", default=[])
    parser.add_argument("--recipe", default="modern")
    parser.add_argument("--seconds", type=float, default=60, help="of the processor, each")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, help="side of the images, where it is not the source's own")
    parser.add_argument("--out", type=Path, default=Path("sweep"))
    choices = parser.parse_args()
    print(machine(), flush=True)
    for variant in choices.variants:
        configure(choices.source, choices.recipe, chosen(variant))  # a mistake is said before the first training
    path = choices.out / "sweep.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    speed = fastest(choices.source, choices.recipe, choices.size)
    trials = [
        Trial(choices.source, choices.recipe, choices.size, variant, seed, choices.seconds, speed)
        for seed in range(choices.seeds)
        for variant in [AS_IT_IS, *choices.variants]
    ]
    known = {known_by(line) for line in lines}
    missing = [trial for trial in trials if key(trial) not in known]
    started = time.monotonic()
    for done, line in enumerate(in_processes(perform, missing), 1):
        left = (time.monotonic() - started) / done * (len(missing) - done)
        print(json.dumps(line), f"{done} of {len(missing)}, {console.duration(left)} left", flush=True)
        lines.append(line)
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")
    mine = {key(trial) for trial in trials}
    table([line for line in lines if known_by(line) in mine])


def key(trial: Trial) -> Key:
    """What a trial's line is known by."""
    return Path(trial.source).name, trial.size, trial.recipe, trial.variant, trial.seed, trial.seconds


def known_by(line: dict[str, Any]) -> Key:
    """The same, of a line."""
    return line["set"], line["size"], line["recipe"], line["variant"], line["seed"], line["seconds"]


def chosen(variant: str) -> dict[str, Any]:
    """'pair.width=24 labels=off' -> {'pair': {'width': '24'}, 'labels': 'off'}."""
    return nested(dict(part.split("=", 1) for part in variant.split()))


def fastest(source: str, recipe: str, size: int | None) -> ComputeConfig:
    """How the recipe as it is trains fastest here on one thread; its variants then train in the same way."""
    run = configure(source, recipe, sized(size), {"training": {"threads": 1}})
    return autotune.choose_compute(run, open_source(source, run.data))[0]


def sized(size: int | None) -> dict[str, Any]:
    """A side of the images as a choice."""
    return {"data": {"size": size}} if size else {}


def perform(trial: Trial) -> dict[str, Any]:
    """Trains and scores, in a process of its own."""
    torch.set_num_threads(1)
    run = configure(trial.source, trial.recipe, sized(trial.size), chosen(trial.variant), {"seed": trial.seed})
    prepared = open_source(trial.source, run.data, processes=1)
    scorer = Scorer(prepared)
    resolved = resolve(run, prepared, trial.speed)
    trainer = build_trainer(resolved, prepared, Engine.for_trials(trial.speed))
    line: dict[str, Any] = {"set": Path(trial.source).name, "size": trial.size}
    line |= {"recipe": trial.recipe, "variant": trial.variant, "seed": trial.seed, "seconds": trial.seconds}
    line |= {"speed": str(trial.speed)}
    try:
        spent = next(
            s for s in stretches(trainer, lambda s: s.cpu_seconds / trial.seconds) if s.cpu_seconds >= trial.seconds
        )
    except RunFailedError as error:
        return line | {"failed": str(error)}
    played = TrainedGan(resolved, prepared, trainer, spent.images, spent.cpu_seconds)
    line |= {"images": spent.images, **scorer(played, last=True, use=False), "floor": scorer.floor}
    line |= {"real_accuracy": scorer.real_accuracy, "real_class_mean": float(np.mean(scorer.real_classes))}
    return line | {"real_worst_class": min(scorer.real_classes)}


def table(lines: list[dict[str, Any]]) -> None:
    """Markdown: a row a variant, the recipe as it is first."""
    by = {(line["variant"], line["seed"]): line for line in lines if "failed" not in line}
    names = ["setting", "seeds", "AUC", "AUC, blurred", "label-free KID", "KID over the recipe's"]
    names += ["FCD above its floor", "label accuracy", "worst class", "grain", "images a second"]
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for variant in dict.fromkeys(line["variant"] for line in lines):
        seeds = sorted(seed for name, seed in by if name == variant)
        if not seeds:
            print(f"| {variant} | failed |{' |' * (len(names) - 2)}")
            continue
        mine = [by[variant, seed] for seed in seeds]
        above = np.array([line["fcd"] - line["floor"] for line in mine])
        pace = np.mean([line["images"] / line["seconds"] for line in mine])
        first, second = (
            [said(np.array([line.get(name, np.nan) for line in mine]), digits) for name, digits in group]
            for group in (
                (("auc", 3), ("auc_blurred", 3), ("kid", 3)),
                (("label_accuracy", 4), ("worst_class", 3), ("grain", 2)),
            )
        )
        pairs = [[by[each, seed]["kid"] for each in (variant, AS_IT_IS)] for seed in seeds if (AS_IT_IS, seed) in by]
        over = "–" if variant == AS_IT_IS or not pairs else said(np.array([a / b for a, b in pairs]), 2)
        cells = [variant or "as it is", str(len(seeds)), *first, over, said(above, 2), *second, f"{pace:.0f}"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
