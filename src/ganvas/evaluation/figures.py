"""What a scorecard says of each metric, as JSON: a value, its interval, its floor, or why there is none."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from ganvas.evaluation import copies
from ganvas.evaluation.distances import TooFewError, frechet, kid, neighbours
from ganvas.evaluation.diversity import diversity, is_collapsed
from ganvas.evaluation.embedding import EmbeddedImages
from ganvas.evaluation.evaluator import Evaluator
from ganvas.evaluation.features import Features
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.labels import LabelAccuracy, label_accuracy

Json = dict[str, Any]
NEIGHBOURHOODS = ("precision", "recall", "density", "coverage")


def estimate(found: Estimate, name: str = "value") -> Json:
    """{name: value, low, high}."""
    return {name: float(found.value), "low": float(found.low), "high": float(found.high)}


def estimate_or_reason(metric: Callable[[], Estimate]) -> Json:
    """An estimate; or, where images are too few, none and the reason."""
    try:
        return estimate(metric())
    except TooFewError as error:
        return {"value": None, "why": str(error)}


def against_floor(
    metric: Callable[[Features, Features], Estimate], held: Features, shown: Features, floor: Features
) -> Json:
    """A distance of images from held-out ones, and that of as many training images."""
    return {
        **estimate_or_reason(lambda: metric(held, shown)),
        "floor": estimate_or_reason(lambda: metric(held, floor)).get("value"),
        "n": len(shown),
    }


def distances(name: str, held: EmbeddedImages, shown: EmbeddedImages, floor: EmbeddedImages, quick: bool) -> Json:
    """Every distance; the Fréchet distance, under its name in these features, alone where it must be quick."""
    three = (held.features, shown.features, floor.features)
    found: Json = {"frechet": {"name": name, **against_floor(frechet, *three)}}
    if quick:
        return found
    found["kernel"] = {"name": "KID", **against_floor(kid, *three)}
    try:
        near, real = neighbours(held.features, shown.features), neighbours(held.features, floor.features)
    except TooFewError as error:
        return found | {metric: {"value": None, "why": str(error)} for metric in NEIGHBOURHOODS}
    for metric in NEIGHBOURHOODS:
        found[metric] = {**estimate(getattr(near, metric)), "floor": getattr(real, metric).value}
    return found


def labels(
    generated: EmbeddedImages, held: EmbeddedImages, judge: Evaluator | None, classes: tuple[str, ...]
) -> Json | None:
    """What the evaluator sees in images that were asked for by class; of others, only which classes it sees."""
    if judge is None or generated.seen is None or held.seen is None or held.labels is None:
        return None
    said = judge.probabilities(generated.seen.logits)
    real = label_accuracy(held.labels, judge.probabilities(held.seen.logits))
    beside = {f"real_{name}": value for name, value in estimate(real.accuracy, "accuracy").items()}
    if generated.labels is None:
        seen = np.bincount(said.argmax(1), minlength=len(classes)) / len(said)
        return {"asked": False, "seen": dict(zip(classes, seen.tolist(), strict=True)), **beside}
    found = label_accuracy(generated.labels, said)
    worst = found.per_class[found.worst]
    return {
        "asked": True,
        **estimate(found.accuracy, "accuracy"),
        **beside,
        "confidence": found.confidence,
        "real_confidence": real.confidence,
        "worst": {"class": classes[found.worst], "accuracy": worst.value if worst else None},
        "confusion": found.confusion.tolist(),
        "classes": [label_of_class(found, real, place) for place in range(len(classes))],
    }


def label_of_class(found: LabelAccuracy, real: LabelAccuracy, place: int) -> Json:
    """How one class is obeyed."""
    mine, theirs = found.per_class[place], real.per_class[place]
    return {
        "n": int(found.confusion[place].sum()),
        **(estimate(mine, "accuracy") if mine else {"accuracy": None}),
        "real_accuracy": theirs.value if theirs else None,
        "real_n": int(real.confusion[place].sum()),
    }


def within_classes(
    shown: EmbeddedImages,
    floor: EmbeddedImages,
    held: EmbeddedImages,
    training: EmbeddedImages,
    classes: int,
    seed: int,
) -> list[Json]:
    """Distances, diversity and copies of each class that was asked for."""
    if shown.labels is None or held.labels is None:
        return [{} for _ in range(classes)]
    return [
        within_class(shown.of_class(k), floor.of_class(k), held.of_class(k), training.of_class(k), seed)
        for k in range(classes)
    ]


def within_class(shown: Features, floor: Features, held: Features, training: Features, seed: int) -> Json:
    """The same of one class; what cannot be measured for want of images says so, or is left out."""
    found: Json = {
        "frechet": against_floor(frechet, held, shown, floor),
        "kernel": against_floor(kid, held, shown, floor),
    }
    try:
        spread = diversity(training, shown)
        found["diversity"] = {**estimate(spread), "collapsed": is_collapsed(spread)}
        copied = copies.copy_test(shown, training, held, seed)
        found["copies"] = {"p_value": copied.p_value, "closer": copied.closer, "flagged": copied.flagged}
    except TooFewError:
        pass
    return found


def whole(value: Any) -> Any:
    """A value as any reader of JSON can read it: what is no number becomes null."""
    if isinstance(value, dict):
        return {key: whole(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [whole(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.8g}") if np.isfinite(value) else None
    return value


def to_json(card: Json) -> str:
    """A scorecard as it is written."""
    return json.dumps(whole(card), indent=1, ensure_ascii=False) + "\n"
