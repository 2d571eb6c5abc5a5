"""Several recipes on one set: `python benchmarks/race.py SOURCE [--seconds 100] [--seeds 3] [--recipes NAME ...]`.

Every recipe trains as often as there are seeds, in turn (A B C A B C ...), one at a time, on one thread, each for the
same *CPU* seconds, so a busy machine tilts nothing; they are scored afterwards, outside the timed part. Prints the AUC
of the classifier two-sample test, plain and blurred, KID in label-free features within the classes, label accuracy,
FCD above its floor and CAS with t intervals over the seeds, images a second, and how much sooner `modern` is where
each of the others ends. `--out` gets race.json, race.png and images by each recipe and seed; a race that was broken off
goes on from what its race.json holds, and `--seeds 0` only shows it.
`--threads 2` is for what a person sees: budgets are then seconds of a clock.
"""

import argparse
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from pairs import machine

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, RunConfig
from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.distances import frechet
from ganvas.evaluation.fit import fit_classifier, fit_images
from ganvas.evaluation.headline import Headline, kid_within_classes
from ganvas.evaluation.intervals import mean
from ganvas.evaluation.predict import predict
from ganvas.evaluation.samples import subsample
from ganvas.evaluation.two_sample import IMAGES_SHOWN
from ganvas.experiments.gan_trials import Cost, TrainedGan, stretches
from ganvas.training import autotune
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer

LOOKS = (0.1, 0.3, 0.6, 1.0)  # of the seconds: where scores are taken
COUNT, ROW = 5_000, 12
EVERY = ["modern", "yardstick", "sngan-projection", "acgan", "dcgan-concat", "book-conditional"]
Entry = dict[str, object]


def main() -> None:
    """Races, scores, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--seconds", type=float, default=100, help="of training each")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", type=int, help="side of the images, where it is not the source's own")
    parser.add_argument("--channels", type=int, help="1, 3 or 4, where they are not the source's own")
    parser.add_argument("--recipes", nargs="+", default=EVERY)
    parser.add_argument("--out", type=Path, default=Path("race"))
    choices = parser.parse_args()
    print(machine(), flush=True)
    data = {"data": {"crop": "square", "size": choices.size, "channels": choices.channels}}
    prepared = open_source(choices.source, configure(choices.source, "modern", data).data, processes=1)
    torch.set_num_threads(choices.threads)
    scorer = Scorer(prepared)
    print(f"floors: FCD {scorer.floor:.3f}, KID {scorer.kid_floor:.4f} in {scorer.headline.label_free.name} features")
    print(f"label accuracy of real held-out images: {scorer.real_accuracy:.4f}", flush=True)
    race = Race(choices.source, choices.seconds, choices.threads, scorer, choices.out)
    for seed in range(choices.seeds):
        for name in choices.recipes:
            budget = {"training": {"minutes": choices.seconds / 60}}  # `modern` chooses by it what suits a run
            race.run(configure(choices.source, name, data, budget, {"seed": seed}))
    table(race.entries, choices.recipes, scorer, choices.seconds)
    chart(race.entries, choices.recipes, scorer, choices.threads, choices.out / "race.png")


class Scorer:
    """The headline, the evaluator, and the floors at the number of images that are scored."""

    def __init__(self, prepared: PreparedSet) -> None:
        self.prepared, self.headline = prepared, Headline(prepared, COUNT)
        assert self.headline.evaluator is not None, "a race needs classes"
        self.evaluator, held = self.headline.evaluator, self.headline.held_out
        train = subsample(np.asarray(prepared.train), prepared.labels, COUNT)
        seen = self.evaluator.embed(prepared.pixels[held])
        self.floor = frechet(seen.features, self.evaluator.embed(prepared.pixels[train]).features).value
        free = self.headline.label_free.features(prepared.pixels[train])
        real = self.headline.free_features, self.headline.labels
        self.kid_floor = kid_within_classes(*real, free, prepared.labels[train])
        right = seen.logits.argmax(1) == prepared.labels[held]
        self.real_accuracy = float(np.mean(right))
        self.real_classes = by_class(right, prepared.labels[held])
        self.train = train
        self.steps = steps(prepared.pixels[held])

    @cached_property
    def real_use(self) -> float:
        """CAS of as many real images."""
        return self.use(self.prepared.pixels, self.prepared.labels, self.train)

    def use(self, pixels: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> float:
        """CAS: how often a classifier that learned from these images is right about held-out ones."""
        classes = len(self.prepared.classes)
        shown = fit_images(len(rows), self.prepared.size.side)
        network = fit_classifier(pixels, labels, classes, shown, seed=1, rows=rows)
        held = np.asarray(self.prepared.held_out)
        return float(np.mean(predict(network, self.prepared.pixels[held]).argmax(1) == self.prepared.labels[held]))

    def __call__(self, played: TrainedGan, last: bool, use: bool = True) -> dict[str, float]:
        """Of 5,000 images in the set's proportions: the distances of the headline, their grain (steps between
        neighbouring pixels, over the real ones'), and label accuracy on average over the classes, and in the class
        where it is lowest. At the last look also AUCs, of networks that learn as long as for a whole scorecard, and
        CAS where that is wanted.
        """
        images = played.draw(COUNT)
        seen = self.evaluator.embed(images.pixels)
        found = self.headline.distances(images, seen) | {"grain": steps(images.pixels) / self.steps}
        if images.labels is not None:
            classes = by_class(seen.logits.argmax(1) == images.labels, images.labels)
            found |= {"class_mean": float(np.mean(classes)), "worst_class": min(classes)}
        if last:
            found |= self.headline.two_sample(images, IMAGES_SHOWN, blur=True)
        if last and use:
            found["cas"] = self.use(images.pixels, images.labels, np.arange(COUNT))
        return found


def by_class(right: np.ndarray, labels: np.ndarray) -> list[float]:
    """The share that is right in each class that there is."""
    return [float(right[labels == each].mean()) for each in np.unique(labels)]


def steps(pixels: np.ndarray) -> float:
    """The mean difference between a pixel of (N, C, H, W) and the one to its right."""
    return float(np.abs(np.diff(pixels.astype(np.int16), axis=3)).mean())


class Race:
    """What has been run, and its place on the disk."""

    def __init__(self, source: str, seconds: float, threads: int, scorer: Scorer, out: Path) -> None:
        self.seconds, self.threads, self.scorer, self.path = seconds, threads, scorer, out / "race.json"
        self.head = {"set": Path(source).name, "seconds": seconds, "threads": threads, "n": COUNT}
        self.head |= {
            "evaluator": scorer.evaluator.digest,
            "label_free": f"{scorer.headline.label_free.name}@{scorer.headline.label_free.digest}",
            "floor": scorer.floor,
            "kid_floor": scorer.kid_floor,
            "real_accuracy": scorer.real_accuracy,
        }
        self.head |= {"real_cas": scorer.real_use, "machine": machine()}
        self.speeds: dict[str, ComputeConfig] = {}
        self.entries: list[Entry] = []
        if self.path.exists():
            kept = json.loads(self.path.read_text())
            same = {
                key: kept.get(key) == self.head[key]
                for key in ("set", "seconds", "threads", "n", "evaluator", "label_free")
            }
            if not all(same.values()):
                raise SystemExit(f"{self.path} is another race's; give another --out")
            self.entries = kept["entries"]

    def run(self, run: RunConfig) -> None:
        """One recipe, one seed, unless it is already known to its last look."""
        mine = [entry for entry in self.entries if (entry["recipe"], entry["seed"]) == (run.recipe, run.seed)]
        if any(entry["look"] == self.seconds for entry in mine):
            return
        self.entries = [entry for entry in self.entries if entry not in mine]
        if run.recipe not in self.speeds:
            fixed = run.training.model_copy(update={"threads": self.threads})
            self.speeds[run.recipe], _ = autotune.choose_compute(
                run.model_copy(update={"training": fixed}), self.scorer.prepared
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        sheet = self.path.with_name(f"{run.recipe}-s{run.seed}.png")
        for entry in raced(run, self.speeds[run.recipe], self.seconds, self.threads, self.scorer, sheet):
            print(json.dumps(entry), flush=True)
            self.entries.append(entry)
        self.path.write_text(json.dumps({**self.head, "entries": self.entries}, indent=1) + "\n")


def raced(
    run: RunConfig, speed: ComputeConfig, seconds: float, threads: int, scorer: Scorer, sheet: Path
) -> Iterator[Entry]:
    """One recipe, one seed: trained for so many seconds, processor's on one thread and wall-clock on more.

    sheet: where images of the end go.
    """
    resolved = resolve(run, scorer.prepared, speed)
    trainer = build_trainer(resolved, scorer.prepared, Engine.for_trials(speed))
    looks = [share * seconds for share in LOOKS]

    def clock(spent: Cost) -> float:
        return spent.wall_seconds if threads > 1 else spent.cpu_seconds

    for spent in stretches(trainer, lambda spent: clock(spent) / seconds):
        if clock(spent) >= looks[0]:
            look = looks.pop(0)
            played = TrainedGan(resolved, scorer.prepared, trainer, spent.images, spent.cpu_seconds)
            yield {
                "recipe": run.recipe,
                "seed": run.seed,
                "look": look,
                "processor_seconds": round(spent.cpu_seconds, 2),
                "wall_seconds": round(spent.wall_seconds, 2),
                "images": spent.images,
                **scorer(played, last=not looks),
            }
            if not looks:
                show(played, sheet)
                return


def show(played: TrainedGan, path: Path) -> None:
    """A dozen images of each class, a row a class."""
    from ganvas.report.charts import draw_class_grid

    drawn = played.draw(COUNT)
    rows, labels = np.arange(ROW), drawn.labels
    if labels is not None:
        rows = np.concatenate([np.flatnonzero(labels == each)[:ROW] for each in np.unique(labels)])
    draw_class_grid(drawn.pixels[rows], None if labels is None else labels[rows], played.prepared.classes, path)


def of(entries: list[Entry], recipe: str, look: float, key: str) -> np.ndarray:
    """One figure of a recipe at a moment, over its seeds, in their order."""
    mine = [entry for entry in entries if entry["recipe"] == recipe and entry["look"] == look]
    return np.array([entry[key] for entry in sorted(mine, key=lambda entry: entry["seed"])], float)


def said(values: np.ndarray, digits: int) -> str:
    """A mean with its t interval, where there are several."""
    if len(values) < 2:
        return f"{values[0]:.{digits}f} (one seed)"
    found = mean(values)
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def table(entries: list[Entry], recipes: list[str], scorer: Scorer, seconds: float) -> None:
    """The figures at the end, as markdown; then `modern` beside each of the others."""
    print(f"\nreal held-out images: labels {scorer.real_accuracy:.4f}; CAS of as many real ones {scorer.real_use:.4f}")
    print(f"floors: KID {scorer.kid_floor:.4f}, FCD {scorer.floor:.2f}")
    names = ["recipe", "AUC", "AUC, blurred", "label-free KID", "label accuracy", "FCD above its floor", "CAS"]
    names += ["images per CPU second"]
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    above = {name: of(entries, name, seconds, "fcd") - scorer.floor for name in recipes}
    for name in recipes:
        pace = (of(entries, name, seconds, "images") / of(entries, name, seconds, "processor_seconds")).mean()
        keys = (("auc", 3), ("auc_blurred", 3), ("kid", 4), ("label_accuracy", 4))
        cells = [said(of(entries, name, seconds, key), digits) for key, digits in keys]
        cells += [said(above[name], 2), said(of(entries, name, seconds, "cas"), 4), f"{pace:,.0f}"]
        print(f"| {name} | {' | '.join(cells)} |")
    if "modern" not in recipes or len(recipes) == 1:
        return
    print("\n| other | label-free KID, modern's over the other's | the other's end, reached by modern in |", end="")
    print(" FCD above floor, modern's over the other's | reached in |\n|---|---|---|---|---|")
    for name in recipes:
        if name != "modern":
            both = min(len(above["modern"]), len(above[name]))  # the first seeds, which both have
            kids = [of(entries, each, seconds, "kid")[:both] for each in ("modern", name)]
            cells = [said(kids[0] / kids[1], 3), reached(entries, name, seconds, "kid")]
            cells += [said(above["modern"][:both] / above[name][:both], 3), reached(entries, name, seconds, "fcd")]
            print(f"| {name} | {' | '.join(cells)} |")


def reached(entries: list[Entry], other: str, seconds: float, key: str) -> str:
    """How soon `modern` is where another recipe ends on average: the first look that is as good, of every seed."""
    goal = of(entries, other, seconds, key).mean()
    found = []
    for seed in sorted({entry["seed"] for entry in entries if entry["recipe"] == "modern"}):
        mine = [entry for entry in entries if (entry["recipe"], entry["seed"]) == ("modern", seed)]
        found += [min([entry["look"] for entry in mine if entry[key] <= goal], default=np.inf)]
    if not np.isfinite(found).all():
        return "not reached by every seed"
    return f"{max(found):.0f} s of {seconds:.0f}"


def chart(entries: list[Entry], recipes: list[str], scorer: Scorer, threads: int, path: Path) -> None:
    """Label-free KID and FCD against CPU time: a line a recipe through the means, a dot a seed."""
    from ganvas.report import canvas

    colours = [canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PLUM, canvas.BROWN, canvas.INK]
    panels = (("kid", "KID in label-free features", scorer.kid_floor), ("fcd", "FCD", scorer.floor))
    with canvas.page(path, 11.0, 4.4) as figure:
        for place, (key, title, floor) in enumerate(panels):
            axes = figure.add_axes((0.06 + 0.49 * place, 0.14, 0.32, 0.68))
            ends: list[tuple[float, str, str]] = []
            for recipe, colour in zip(recipes, colours, strict=False):
                looks = sorted({float(e["look"]) for e in entries if e["recipe"] == recipe})
                values = [np.maximum(of(entries, recipe, look, key), 1e-4) for look in looks]
                axes.plot(looks, [v.mean() for v in values], color=colour, linewidth=2.2)
                axes.scatter(np.repeat(looks, [len(v) for v in values]), np.concatenate(values), color=colour, s=14)
                ends.append((float(values[-1].mean()), recipe, colour))
            if floor > 0:
                axes.axhline(floor, color=canvas.PALE, linewidth=1.0, linestyle="--")
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            above, apart = 0.0, (high / low) ** 0.07  # names that would lie on each other are moved apart
            for value, recipe, colour in sorted(ends):
                above = max(value, apart * above)
                axes.text(1.03 * looks[-1], above, recipe, color=colour, weight="bold", va="center")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.set_xlabel("CPU seconds on one thread" if threads == 1 else f"seconds on {threads} threads")
            note = "a dot a seed; dashed: real against real" if floor > 0 else "a dot a seed"
            canvas.title(axes, f"{title}, lower is better", note)


if __name__ == "__main__":
    main()
