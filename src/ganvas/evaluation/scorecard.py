"""Everything that is measured of a set of images; features are computed once and shared."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

import ganvas
from ganvas import machine
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation import copies as copying
from ganvas.evaluation import figures
from ganvas.evaluation.cas import classification_accuracy_score
from ganvas.evaluation.distances import TooFewError
from ganvas.evaluation.diversity import diversity as spread_ratio
from ganvas.evaluation.embedding import EmbeddedImages, Embedders, embed, embed_real, subsample_embedded
from ganvas.evaluation.evaluator import Evaluator, evaluator_for
from ganvas.evaluation.features import extractor
from ganvas.evaluation.samples import Samples, subsample
from ganvas.settings import Settings

FORMAT = 1
QUICK_COUNT = 2_000
COUNT = 10_000
Json = figures.Json
Closest = list[tuple[int, int, float]]


class Protocol(Settings):
    """How images are scored. Two scorecards compare where all of this, and the real set, are equal."""

    count: int = Field(default=COUNT, ge=10, le=1_000_000)
    """Images scored, at most."""
    features: str = "evaluator"
    """What distances are taken in."""
    quick: bool = False
    """Labels and the Fréchet distance alone."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Of the images that a run draws, and of the fits."""


@dataclass(frozen=True)
class ScoredSamples:
    """A scorecard, and the images that a page shows beside it."""

    card: Json
    held_out: EmbeddedImages
    closest: Closest
    """(generated, row of the prepared set, distance) of the images nearest to training images."""


def score(images: Samples, prepared: PreparedSet, protocol: Protocol) -> ScoredSamples:
    """Scores images against a set. UserError where nothing can be measured; a single metric may say why it cannot."""
    eyes = embedders_for(prepared, protocol)
    labelled = images.labels is not None and len(prepared.classes) > 1
    with (
        machine.fastest_threads(lambda: embed(images.pixels[:64], None, eyes)),
        progress.bar("measuring", 2 if protocol.quick else 6, "parts") as bar,
    ):
        generated = embed(images.pixels, images.labels, eyes)
        most_held = max(protocol.count, QUICK_COUNT)
        held = embed_real(prepared, subsample(np.asarray(prepared.held_out), prepared.labels, most_held), eyes)
        bar.advance()
        same = min(len(generated.features), len(prepared.train))
        shown, train = subsample_embedded(generated, same), np.asarray(prepared.train)
        floor = embed_real(prepared, subsample(train, prepared.labels, same), eyes)
        card = head(images, prepared, protocol, eyes, len(generated.features), len(held.features))
        card["labels"] = figures.labels(generated, held, eyes.judge, prepared.classes)
        bar.advance()
        card["distances"] = figures.distances(eyes.extractor.frechet_name, held, shown, floor, protocol.quick)
        if protocol.quick:
            return ScoredSamples(add_per_class(card, []), held, [])
        bar.advance()
        training = floor if same == len(train) else embed_real(prepared, train, eyes)
        bar.advance()
        card["copies"], closest = copies(generated, training, held, prepared, protocol.seed)
        bar.advance()
        by_class = figures.within_classes(shown, floor, held, training, len(prepared.classes), protocol.seed)
        card["diversity"] = diversity(shown, training, by_class)
        add_per_class(card, by_class)
        bar.advance()
    if labelled:
        assert images.labels is not None
        found = classification_accuracy_score(images.pixels, images.labels, prepared, protocol.seed + 1)
        real = {f"real_{name}": value for name, value in figures.estimate(found.real_accuracy, "accuracy").items()}
        card["use"] = {**figures.estimate(found.accuracy, "accuracy"), **real, "images": found.count}
    return ScoredSamples(card, held, closest)


def embedders_for(prepared: PreparedSet, protocol: Protocol) -> Embedders:
    """The evaluator of a set, where it has classes, and the extractor that was asked for."""
    if not len(prepared.held_out):
        raise UserError(
            f"{prepared.name} gives no held-out images, without which nothing can be measured; "
            "at least 10 of a class are needed"
        )
    if len(prepared.classes) < 2 and protocol.features == "evaluator":
        raise UserError(
            f"{prepared.name} has {'one class' if prepared.classes else 'no labels'}, and an evaluator learns to tell "
            "classes apart: choose --features imagenet"
        )
    judge = evaluator_for(prepared) if len(prepared.classes) > 1 else None
    return Embedders(extractor(protocol.features, judge), judge)


def head(images: Samples, prepared: PreparedSet, protocol: Protocol, eyes: Embedders, count: int, held: int) -> Json:
    """What was scored, against what, and how."""
    manifest = prepared.manifest
    return {
        "format": FORMAT,
        "ganvas": ganvas.__version__,
        "name": images.name,
        "images": images.facts,
        "classes": list(prepared.classes),
        "protocol": {
            "features": eyes.extractor.protocol,
            "evaluator": eyes.judge.digest if eyes.judge else None,
            "n": count,
            "reference": f"{held} held-out images of {prepared.name}",
            "fingerprint": prepared.fingerprint,
            "split": "the set's own" if manifest.own_split else "a tenth of each class by hash",
            "size": prepared.size,
            "channels": prepared.channels,
            "crop": manifest.crop,
            "filter": manifest.filter,
            "quick": protocol.quick,
            "seed": protocol.seed,
        },
        "evaluator": evaluator_facts(eyes.judge),
    }


def evaluator_facts(judge: Evaluator | None) -> Json | None:
    """What is known of the evaluator."""
    if judge is None:
        return None
    known = judge.info
    return {
        "temperature": known.temperature,
        "calibration_error": known.calibration_error,
        "calibrated_on": "one half of the held-out images, its error taken on the other",
        "images_shown": known.shown,
    }


def copies(
    generated: EmbeddedImages, training: EmbeddedImages, held: EmbeddedImages, prepared: PreparedSet, seed: int
) -> tuple[Json, Closest]:
    """Whether images are copies, in words and figures, and the closest ones."""
    try:
        found = copying.copy_test(generated.features, training.features, held.features, seed, generated.labels)
    except TooFewError as error:
        return {"p_value": None, "closer": None, "flagged": None, "verdict": f"Copies cannot be told: {error}."}, []
    card = {
        "p_value": found.p_value,
        "z": found.z,
        "closer": found.closer,
        "twins": found.twins,
        "flagged": found.flagged,
        "verdict": copying.verdict(found),
        "held_out_with_a_twin_in_training": prepared.manifest.near_across_split,
    }
    return card, [(int(mine), int(training.rows[real]), float(distance)) for mine, real, distance in found.pairs]


def diversity(shown: EmbeddedImages, training: EmbeddedImages, by_class: list[Json]) -> Json:
    """The spread of all images against that of real ones, and the mean of the classes' own."""
    ratios = [found["diversity"]["value"] for found in by_class if "diversity" in found]
    overall = figures.estimate_or_reason(lambda: spread_ratio(training.features, shown.features))
    return {**overall, "within_classes": float(np.mean(ratios)) if ratios else None}


def add_per_class(card: Json, by_class: list[Json]) -> Json:
    """The card with what is known of each class under `per_class`."""
    told = card["labels"].pop("classes", None) if card["labels"] else None
    card["per_class"] = [
        {"class": name, **(told[place] if told else {}), **(by_class[place] if by_class else {})}
        for place, name in enumerate(card["classes"])
    ]
    return card
