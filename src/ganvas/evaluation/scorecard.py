"""The scorecard: all measurements of a set of images, as one typed record that is stored as JSON."""

import json
import math
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ganvas import files
from ganvas.errors import UserError
from ganvas.evaluation.accuracy import (
    Accuracy,
    ClassificationAccuracyScore,
    PartScores,
    ScorecardPart,
    UnseenScores,
    estimate_of,
)
from ganvas.evaluation.intervals import Estimate
from ganvas.sizes import StoredSize

FORMAT = 3


class Measurement(ScorecardPart):
    """A value with its 95 % interval; or none, and why."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: str | None = None
    """Why there is no value: too few images."""

    @property
    def estimate(self) -> Estimate | None:
        """The value with its interval, where there is one."""
        return estimate_of(self.value, self.low, self.high)


class Distance(Measurement):
    """A measurement of generated against held-out images, beside that of training images."""

    name: str | None = None
    """Its name in these features: FCD, FID, KID."""
    floor: float | None = None
    """The same measurement of as many training images, which a perfect generator reaches."""
    n: int | None = None
    """Generated images in it."""


class Distances(ScorecardPart):
    """Distances in some features. A part that was not measured is None."""

    frechet: Distance | None = None
    kid: Distance | None = None
    sliced_wasserstein: Distance | None = None
    precision: Distance | None = None
    recall: Distance | None = None
    density: Distance | None = None
    coverage: Distance | None = None


class TwoSample(ScorecardPart):
    """How well a network tells generated from real images (`two_sample.py`): 0.5 is not at all, 1 always."""

    auc: Measurement
    auc_blurred: Measurement
    """The same where both are blurred, so that it has to find something else than grain."""
    fitted: int = 0
    """Generated images that it learned from, and as many real training ones."""
    tested: int = 0
    """Generated images that it was asked about, beside the held-out ones."""


class PixelStatistic(ScorecardPart):
    """The mean of a statistic of pixels (`pixel_statistics.py`) of generated images, beside real ones."""

    value: float
    real: float
    real_low: float
    real_high: float
    """95 % of samples of as many real images have a mean in between."""


class CopySensitivity(ScorecardPart):
    """What the test for copies notices of copies of one kind, planted among held-out images of this set."""

    caught: float
    """The share of the copies that are recognised as near-copies."""
    flagged_from: float | None = None
    """The smallest share of 1, 5 and 10 % of the images at which the test flags them; None where not even 10 %."""


class CopyScores(ScorecardPart):
    """The test for copies of training images (`copies.py`)."""

    sensitivity: dict[str, CopySensitivity] | None = None
    """By the kind of copy: exact, shifted, brightened, mirrored."""
    false_alarms: float | None = None
    """The share of held-out images, which are no copies, that are recognised as near-copies."""

    p_value: float | None = None
    z: float | None = None
    closer: float | None = None
    near_copies: float | None = None
    flagged: bool | None = None
    """None where there are too few images."""
    verdict: str | None = None
    near_duplicates_across_split: int | None = None
    """Held-out images with a near-duplicate among the training images, which weaken the test."""


class DiversityScores(Measurement):
    """The spread of generated images over that of real ones."""

    within_classes: float | None = None
    """The mean of the classes' own ratios."""
    collapsed: bool | None = None


class ClassScores(Accuracy):
    """One class: its label accuracy, and its other metrics where it has enough images."""

    name: str
    n: int | None = None
    real_n: int | None = None
    frechet: Distance | None = None
    kid: Distance | None = None
    diversity: DiversityScores | None = None
    copies: CopyScores | None = None


class LabelScores(Accuracy):
    """How often the evaluator predicts the label that an image was asked for: every part of it."""

    asked: bool
    """False for images without labels, which only have `predicted` and the accuracy on real images."""
    confidence: float | None = None
    """The mean calibrated probability of the label."""
    real_confidence: float | None = None
    worst: ClassScores | None = None
    """The class with the lowest accuracy; its name and accuracy alone."""
    confusion: tuple[tuple[int, ...], ...] | None = None
    """(K, K): a row for the label, a column for the prediction."""
    parts: tuple[PartScores, ...] | None = None
    """Each part of a label that has several."""
    unseen: UnseenScores | None = None
    linear: Accuracy | None = None
    """The same by a classifier of another architecture, a linear one of label-free features."""
    warning: str | None = None
    """Why an accuracy above that of real images is no praise."""
    predicted: dict[str, float] | None = None
    """The share of images without labels that the evaluator predicts to be of each class."""


class Origin(ScorecardPart):
    """Where the images came from: a run (its recipe, images in its training, seed), or a source."""

    recipe: str | None = None
    images: int | None = None
    seed: int | None = None
    source: str | None = None
    fingerprint: str | None = None
    refused: int | None = None
    """Images of the source that could not be read."""


class ProtocolRecord(ScorecardPart):
    """How the images were scored. Scorecards compare where the parts in `comparison.MUST_AGREE` are equal."""

    features: str
    """The extractor and its digest: `evaluator@01234567`."""
    label_free: str
    """That of the features that no label taught."""
    rewarded: str | None = None
    """What the generator was rewarded for besides looking real, which measures less here."""
    evaluator: str | None = None
    """The evaluator's digest."""
    n: int
    reference: str
    fingerprint: str
    """Of the real set."""
    split: str
    size: StoredSize
    channels: int
    crop: str | int | None = None
    filter: str | None = None
    quick: bool
    seed: int


class EvaluatorRecord(ScorecardPart):
    """The evaluator, as in its `EvaluatorInfo`."""

    temperature: float
    calibration_error: float | None = None
    calibrated_on: str = "one half of the held-out images, its error taken on the other"
    images_shown: int
    """In all epochs of the fit together."""


class Scorecard(ScorecardPart):
    """All measurements of a set of images. A part that was not measured is None, and absent in JSON."""

    format: int = FORMAT
    ganvas: str
    name: str
    images: Origin
    classes: tuple[str, ...]
    protocol: ProtocolRecord
    evaluator: EvaluatorRecord | None = None
    two_sample: TwoSample | None = None
    labels: LabelScores | None = None
    statistics: dict[str, PixelStatistic]
    distances: dict[str, Distances]
    """By the name of the features, those of the protocol first."""
    copies: CopyScores | None = None
    diversity: DiversityScores | None = None
    per_class: tuple[ClassScores, ...]
    classification_accuracy_score: ClassificationAccuracyScore | None = None
    disagreements: tuple[str, ...] = ()
    """Where one view praises what another one condemns: a sentence each."""
    advice: str = ""

    @property
    def main_distances(self) -> Distances:
        """In the features of the protocol."""
        return self.distances[self.protocol.features.partition("@")[0]]

    @property
    def label_free_distances(self) -> Distances:
        """In the features that no label taught."""
        return self.distances[self.protocol.label_free.partition("@")[0]]

    def to_json(self) -> str:
        """The scorecard as it is stored: floats with 8 digits, and null where a value is infinite."""
        return json.dumps(_rounded(self.model_dump(exclude_none=True)), indent=1, ensure_ascii=False) + "\n"


def read_scorecard(file: Path) -> Scorecard:
    """The scorecard in a file. UserError, in one sentence, for anything else."""
    try:
        content = files.read_json(file)
    except files.DamagedError as error:
        raise UserError(f"{file} is not a scorecard: {error}") from None
    if content.get("format") != FORMAT:
        raise UserError(f"{file} is not a scorecard of format {FORMAT}, which this ganvas reads: evaluate again")
    try:
        return Scorecard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UserError(f"{file} is a damaged scorecard ({name}: {first['msg']}): evaluate again") from None


def _rounded(value: Any) -> Any:
    # JSON has no infinity and no NaN. A ratio to a real class of identical images is infinite.
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else None
    return value
