"""Several recipes on one set: `python benchmarks/race.py SOURCE [--seconds 100] [--seeds 3] [--recipes NAME ...]`.

Every recipe trains as often as there are seeds, in turn (A B C A B C ...), one at a time, on one thread, each for the
same *processor* seconds, so that a busy machine tilts nothing; the judge of the set scores them afterwards, outside the
timed part. Prints label accuracy and FCD above its floor with t intervals over the seeds, and pictures a second as
ratios to the yardstick; `--out` gets race.json and race.png, the scores against processor time.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from pairs import machine

from ganvas.classifying.judging import TrainedJudge, judge_of
from ganvas.data import Prepared, open_source
from ganvas.metrics.distances import frechet
from ganvas.metrics.intervals import mean
from ganvas.metrics.pictures import draw, thinned
from ganvas.runs.bundle import Bundle, Card
from ganvas.runs.recipes import resolve
from ganvas.runs.spec import Run
from ganvas.sampling import Sampler
from ganvas.training import measure
from ganvas.training.engine import Engine, Speed
from ganvas.training.game import build, rate
from ganvas.training.scoring import evaluating

LOOKS = (0.1, 0.3, 1.0)  # of the seconds: where scores are taken
COUNT = 5_000


def main() -> None:
    """Races, scores, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--seconds", type=float, default=100, help="processor seconds of training each")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipes", nargs="+", default=["modern", "yardstick", "dcgan-concat", "book-conditional"])
    parser.add_argument("--out", type=Path, default=Path("race"))
    choices = parser.parse_args()
    print(machine(), flush=True)
    prepared = open_source(choices.source, processes=1)
    torch.set_num_threads(1)
    judge = judge_of(prepared, print)
    scorer = Scorer(prepared, judge)
    print(f"floor: FCD {scorer.floor:.3f}; real held-out pictures: {scorer.real_accuracy:.4f}", flush=True)
    speeds = {name: fastest(resolve(choices.source, name), prepared) for name in choices.recipes}
    entries = []
    for seed in range(choices.seeds):
        for name in choices.recipes:
            run = resolve(choices.source, name, {"seed": seed})
            entries += raced(run, prepared, speeds[name], choices.seconds, scorer)
            write(choices.out, choices.source, choices.seconds, scorer, entries)
    table(entries, choices.recipes, scorer, choices.seconds)
    chart(entries, choices.recipes, scorer, choices.out / "race.png")


class Scorer:
    """The judge, the held-out pictures and the floor at the number of pictures that are scored."""

    def __init__(self, prepared: Prepared, judge: TrainedJudge) -> None:
        self.prepared, self.judge = prepared, judge
        held = thinned(np.asarray(prepared.held_out), prepared.labels, COUNT)
        train = thinned(np.asarray(prepared.train), prepared.labels, COUNT)
        seen = judge.look(prepared.pixels[held])
        self.real = seen.features
        self.floor = frechet(self.real, judge.look(prepared.pixels[train]).features).value
        self.real_accuracy = float(np.mean(seen.logits.argmax(1) == prepared.labels[held]))

    def __call__(self, network: torch.nn.Module, run: Run, images: int) -> dict[str, float]:
        """Of 5,000 pictures in the set's proportions: their distance, and how often the judge sees what was asked."""
        prepared = self.prepared
        card = Card(
            recipe=run.recipe,
            source=prepared.name,
            fingerprint=prepared.fingerprint,
            seed=run.seed,
            images=images,
            channels=prepared.channels,
            size=prepared.size,
            classes=prepared.classes,
            pair=run.pair,
        )
        with evaluating(network) as still:
            pictures = draw(Sampler(Bundle(card, {"generator": still})), prepared, COUNT, run.seed)
        seen = self.judge.look(pictures.pixels)
        return {
            "fcd": frechet(self.real, seen.features).value,
            "label_accuracy": float(np.mean(seen.logits.argmax(1) == pictures.labels)),
        }


def fastest(run: Run, prepared: Prepared) -> Speed:
    """The fastest precision and layout of one thread, as `ganvas train --threads 1` would choose."""
    return measure.choose(
        run.model_copy(update={"training": run.training.model_copy(update={"threads": 1})}), prepared, print
    )


def raced(run: Run, prepared: Prepared, speed: Speed, seconds: float, scorer: Scorer) -> list[dict[str, object]]:
    """One recipe, one seed: trained for so many processor seconds, scored at some of them."""
    engine = Engine.for_trials(speed)
    game = build(run, prepared, engine)
    assert game.average is not None
    batch, step, spent, wall, entries = run.training.batch, 0, 0.0, 0.0, []
    looks = [share * seconds for share in LOOKS]
    while looks:
        began, started = time.process_time(), time.perf_counter()
        for _ in range(max(1, 640 // batch)):
            for each in game.optimisers.values():
                each.param_groups[0]["lr"] = rate(run.optimiser, min(1.0, spent / seconds))
            game.play(step)
            step += 1
            game.average.update(batch, step * batch)
        spent, wall = spent + time.process_time() - began, wall + time.perf_counter() - started
        if spent >= looks[0]:
            entry = {
                "recipe": run.recipe,
                "seed": run.seed,
                "look": looks.pop(0),
                "processor_seconds": round(spent, 2),
                "wall_seconds": round(wall, 2),
                "images": step * batch,
                **scorer(game.average.network, run, step * batch),
            }
            print(json.dumps(entry), flush=True)
            entries.append(entry)
    return entries


def of(entries: list[dict[str, object]], recipe: str, look: float, key: str) -> np.ndarray:
    """One figure of a recipe at a moment, over its seeds."""
    return np.array([entry[key] for entry in entries if entry["recipe"] == recipe and entry["look"] == look], float)


def said(values: np.ndarray, digits: int) -> str:
    """A mean with its t interval, where there are several."""
    if len(values) < 2:
        return f"{values[0]:.{digits}f} (one seed)"
    found = mean(values)
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def table(entries: list[dict[str, object]], recipes: list[str], scorer: Scorer, seconds: float) -> None:
    """The figures at the end, as markdown."""
    print("\n| recipe | label accuracy | FCD above its floor | over the yardstick's | pictures a processor second |")
    print("|---|---|---|---|---|")
    measured = {name: of(entries, name, seconds, "fcd") - scorer.floor for name in recipes}
    for name in recipes:
        pace = of(entries, name, seconds, "images") / of(entries, name, seconds, "processor_seconds")
        beside = "–"
        if "yardstick" in recipes and name != "yardstick":
            beside = said(measured[name] / measured["yardstick"], 2)
        labels = said(of(entries, name, seconds, "label_accuracy"), 4)
        print(f"| {name} | {labels} | {said(measured[name], 2)} | {beside} | {pace.mean():.0f} |")


def write(out: Path, source: str, seconds: float, scorer: Scorer, entries: list[dict[str, object]]) -> None:
    """Everything so far."""
    out.mkdir(parents=True, exist_ok=True)
    head = {"set": Path(source).name, "seconds": seconds, "n": COUNT, "judge": scorer.judge.digest}
    facts = {"floor": scorer.floor, "real_accuracy": scorer.real_accuracy, "machine": machine()}
    (out / "race.json").write_text(json.dumps({**head, **facts, "entries": entries}, indent=1) + "\n")


def chart(entries: list[dict[str, object]], recipes: list[str], scorer: Scorer, path: Path) -> None:
    """FCD against processor time: a line a recipe through the means, a dot a seed."""
    from ganvas.report import canvas

    colours = [canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PLUM, canvas.INK]
    with canvas.page(path, 8.0, 4.4) as figure:
        axes = figure.add_axes((0.09, 0.14, 0.70, 0.68))
        ends: list[tuple[float, str, str]] = []
        for recipe, colour in zip(recipes, colours, strict=False):
            looks = sorted({float(e["look"]) for e in entries if e["recipe"] == recipe})
            values = [of(entries, recipe, look, "fcd") for look in looks]
            axes.plot(looks, [v.mean() for v in values], color=colour, linewidth=2.2)
            axes.scatter(np.repeat(looks, [len(v) for v in values]), np.concatenate(values), color=colour, s=14)
            ends.append((float(values[-1].mean()), recipe, colour))
        above = 0.0
        for value, recipe, colour in sorted(ends):
            above = max(value, 1.5 * above)  # names that would lie on each other are moved apart
            axes.text(1.02 * looks[-1], above, recipe, color=colour, weight="bold", va="center")
        axes.axhline(scorer.floor, color=canvas.PALE, linewidth=1.0, linestyle="--")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("processor seconds on one thread")
        canvas.title(axes, "FCD, lower is better", "a dot a seed; dashed: real against real")


if __name__ == "__main__":
    main()
