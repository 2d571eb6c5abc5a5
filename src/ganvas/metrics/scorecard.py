"""Everything that is measured of a set of pictures; features are computed once and shared."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import Field

import ganvas
from ganvas import machine, progress
from ganvas.classifying.judging import TrainedJudge, judge_of
from ganvas.data.prepared import Prepared
from ganvas.errors import UserError
from ganvas.metrics import copies as copying
from ganvas.metrics import facts
from ganvas.metrics.distances import TooFewError
from ganvas.metrics.diversity import diversity as spread_ratio
from ganvas.metrics.features import extractor
from ganvas.metrics.pictures import Pictures, thinned
from ganvas.metrics.sets import Eyes, Set, fewer, look, look_at_real
from ganvas.metrics.use import use
from ganvas.settings import Settings

FORMAT = 1
QUICK_COUNT = 2_000
COUNT = 10_000
Json = facts.Json
Say = Callable[[str], None]
Closest = list[tuple[int, int, float]]


class Protocol(Settings):
    """How pictures are scored. Two scorecards compare where all of this, and the real set, are equal."""

    count: int = Field(default=COUNT, ge=10, le=1_000_000)
    """Pictures scored, at most."""
    features: str = "judge"
    """What distances are taken in."""
    quick: bool = False
    """Labels and the Fréchet distance alone."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Of the pictures that a run draws, and of the fits."""


@dataclass(frozen=True)
class Scored:
    """A scorecard, and the pictures that a page shows beside it."""

    card: Json
    held_out: Set
    closest: Closest
    """(generated, row of the prepared set, distance) of the pictures nearest to training pictures."""


def score(pictures: Pictures, prepared: Prepared, protocol: Protocol, say: Say) -> Scored:
    """Scores pictures against a set. UserError where nothing can be measured; a single metric may say why it cannot."""
    eyes = eyes_for(prepared, protocol, say)
    labelled = pictures.labels is not None and len(prepared.classes) > 1
    with (
        machine.fastest_threads(lambda: look(pictures.pixels[:64], None, eyes)),
        progress.bar("measuring", 2 if protocol.quick else 6, "parts") as bar,
    ):
        generated = look(pictures.pixels, pictures.labels, eyes)
        most_held = max(protocol.count, QUICK_COUNT)
        held = look_at_real(prepared, thinned(np.asarray(prepared.held_out), prepared.labels, most_held), eyes)
        bar.advance()
        same = min(len(generated.features), len(prepared.train))
        shown, train = fewer(generated, same), np.asarray(prepared.train)
        floor = look_at_real(prepared, thinned(train, prepared.labels, same), eyes)
        card = head(pictures, prepared, protocol, eyes, len(generated.features), len(held.features))
        card["labels"] = facts.labels(generated, held, eyes.judge, prepared.classes)
        bar.advance()
        card["distances"] = facts.distances(eyes.extractor.frechet_name, held, shown, floor, protocol.quick)
        if protocol.quick:
            return Scored(with_classes(card, []), held, [])
        bar.advance()
        training = floor if same == len(train) else look_at_real(prepared, train, eyes)
        bar.advance()
        card["copies"], closest = copies(generated, training, held, prepared, protocol.seed)
        bar.advance()
        by_class = facts.within_classes(shown, floor, held, training, len(prepared.classes), protocol.seed)
        card["diversity"] = diversity(shown, training, by_class)
        with_classes(card, by_class)
        bar.advance()
    if labelled:
        assert pictures.labels is not None
        found = use(pictures.pixels, pictures.labels, prepared, protocol.seed + 1)
        real = {f"real_{name}": value for name, value in facts.estimate(found.real_accuracy, "accuracy").items()}
        card["use"] = {**facts.estimate(found.accuracy, "accuracy"), **real, "pictures": found.count}
    return Scored(card, held, closest)


def eyes_for(prepared: Prepared, protocol: Protocol, say: Say) -> Eyes:
    """The judge of a set, where it has classes, and the extractor that was asked for."""
    if not len(prepared.held_out):
        raise UserError(
            f"{prepared.name} gives no held-out pictures, without which nothing can be measured; "
            "at least 10 of a class are needed"
        )
    if len(prepared.classes) < 2 and protocol.features == "judge":
        raise UserError(
            f"{prepared.name} has {'one class' if prepared.classes else 'no labels'}, and a judge learns to tell "
            "classes apart: choose --features imagenet"
        )
    judge = judge_of(prepared, say) if len(prepared.classes) > 1 else None
    return Eyes(extractor(protocol.features, judge), judge)


def head(pictures: Pictures, prepared: Prepared, protocol: Protocol, eyes: Eyes, count: int, held: int) -> Json:
    """What was scored, against what, and how."""
    manifest = prepared.manifest
    return {
        "format": FORMAT,
        "ganvas": ganvas.__version__,
        "name": pictures.name,
        "pictures": pictures.facts,
        "classes": list(prepared.classes),
        "protocol": {
            "features": eyes.extractor.protocol,
            "judge": eyes.judge.digest if eyes.judge else None,
            "n": count,
            "reference": f"{held} held-out pictures of {prepared.name}",
            "fingerprint": prepared.fingerprint,
            "split": "the set's own" if manifest["own_split"] else "a tenth of each class by hash",
            "size": prepared.size,
            "channels": prepared.channels,
            "crop": manifest["crop"],
            "filter": manifest["filter"],
            "quick": protocol.quick,
            "seed": protocol.seed,
        },
        "judge": certificate(eyes.judge),
    }


def certificate(judge: TrainedJudge | None) -> Json | None:
    """What is known of the judge."""
    if judge is None:
        return None
    known = judge.certificate
    return {
        "temperature": known.temperature,
        "calibration_error": known.calibration_error,
        "calibrated_on": "one half of the held-out pictures, its error taken on the other",
        "pictures_shown": known.shown,
    }


def copies(generated: Set, training: Set, held: Set, prepared: Prepared, seed: int) -> tuple[Json, Closest]:
    """Whether pictures are copies, in words and figures, and the closest ones."""
    try:
        found = copying.copies(generated.features, training.features, held.features, seed, generated.labels)
    except TooFewError as error:
        return {"p_value": None, "closer": None, "flagged": None, "verdict": f"Copies cannot be told: {error}."}, []
    card = {
        "p_value": found.p_value,
        "z": found.z,
        "closer": found.closer,
        "twins": found.twins,
        "flagged": found.flagged,
        "verdict": copying.verdict(found),
        "held_out_with_a_twin_in_training": int(prepared.manifest.get("near_across_split") or 0),
    }
    return card, [(int(mine), int(training.rows[real]), float(distance)) for mine, real, distance in found.pairs]


def diversity(shown: Set, training: Set, by_class: list[Json]) -> Json:
    """The spread of all pictures against that of real ones, and the mean of the classes' own."""
    ratios = [found["diversity"]["value"] for found in by_class if "diversity" in found]
    overall = facts.measured(lambda: spread_ratio(training.features, shown.features))
    return {**overall, "within_classes": float(np.mean(ratios)) if ratios else None}


def with_classes(card: Json, by_class: list[Json]) -> Json:
    """The card with what is known of each class under `per_class`."""
    told = card["labels"].pop("classes", None) if card["labels"] else None
    card["per_class"] = [
        {"class": name, **(told[place] if told else {}), **(by_class[place] if by_class else {})}
        for place, name in enumerate(card["classes"])
    ]
    return card
