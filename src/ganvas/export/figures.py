"""What a scorecard and a record say in an export: figures with their interval, and facts of the training."""

from collections.abc import Iterator
from typing import NamedTuple

from ganvas.evaluation.figures import percent, three_digits, with_interval
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.scorecard import Scorecard
from ganvas.export.exportable import Exportable


class ScoredFigure(NamedTuple):
    """A figure of the generated images, and the same of real ones."""

    kind: str
    """A short name without spaces, such as `fcd`."""
    name: str
    value: float
    text: str
    """The value with its 95 % interval."""
    real: str
    """Of real images, or what it should be; empty where there is none."""


def scored_figures(card: Scorecard) -> Iterator[ScoredFigure]:
    """The figures of a scorecard that fit on a page."""
    if card.two_sample and (auc := card.two_sample.auc.estimate):
        name = "AUC of a network that tells generated from real images"
        yield _figure("auc", name, auc, "0.5 (it cannot tell)")
    if card.labels and card.labels.asked and (accuracy := card.labels.estimate):
        real = "" if card.labels.real_accuracy is None else percent(card.labels.real_accuracy)
        name = "label accuracy, by a classifier of this set's labels"
        yield _figure("label_accuracy", name, accuracy, real, True)
    free = card.label_free_distances
    for kind, distance, extractor in (
        ("frechet_distance", card.main_distances.frechet, card.protocol.features),
        ("kid", free.kid, card.protocol.label_free),
    ):
        if distance and distance.estimate:
            real = "" if distance.floor is None else f"{three_digits(distance.floor)} (real against real)"
            features = extractor.partition("@")[0]
            yield _figure(kind, f"{distance.name or kind}, {features} features", distance.estimate, real)
    for kind, share in (("precision", card.main_distances.precision), ("recall", card.main_distances.recall)):
        if share and share.estimate:
            yield _figure(kind, kind, share.estimate, "" if share.floor is None else percent(share.floor), True)
    cas = card.classification_accuracy_score
    if cas and (accuracy := cas.estimate):
        name = "CAS: accuracy on real images of a classifier of generated images alone"
        real = "" if cas.real_accuracy is None else percent(cas.real_accuracy)
        yield _figure("classification_accuracy_score", name, accuracy, real, True)


def _figure(kind: str, name: str, estimate: Estimate, real: str, is_share: bool = False) -> ScoredFigure:
    return ScoredFigure(kind, name, estimate.value, with_interval(estimate, is_share), real)


def protocol_in_words(card: Scorecard) -> str:
    """How the figures were measured, in two sentences."""
    protocol = card.protocol
    fast = " The scorecard is a quick one, of fewer images and shorter fits." if protocol.quick else ""
    rewarded = f" In training the generator was rewarded for {protocol.rewarded}." if protocol.rewarded else ""
    return (
        f"{protocol.n:,} generated images against {protocol.reference}, by ganvas {card.ganvas}; intervals at 95 %; "
        f"features {protocol.features} and {protocol.label_free}, seed {protocol.seed}.{rewarded}{fast}"
    )


def training_facts(run: Exportable) -> Iterator[tuple[str, str]]:
    """What the generator was trained on, and how: (fact, value)."""
    info, record = run.info, run.record
    _, height, width = info.shape.image
    yield "data", info.source
    yield "fingerprint of the data", info.fingerprint
    yield "classes", ", ".join(info.classes) if info.classes else "none: the generator was trained without labels"
    kind = {1: "grey", 3: "colour", 4: "colour with transparency"}[info.shape.image[0]]
    yield "images", f"{width} x {height} pixels, {kind}"
    if record is not None:
        yield "training images", f"{record.data.train:,}; {record.data.held_out:,} more were held out"
    yield "images seen in training", f"{info.images:,}"
    yield "recipe", f"{info.recipe}, seed {info.seed}"
    if record is not None:
        yield "training time", f"{record.training_seconds / 60:,.1f} minutes"
        if machine := record.machine.get("cpu"):
            yield "machine", f"{machine}, {record.machine.get('device', 'cpu')}"
    yield "ganvas", info.ganvas
    yield "digest of the weights", f"sha256 {run.digest()}"
