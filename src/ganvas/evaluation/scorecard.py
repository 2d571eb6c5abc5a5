"""The scorecard: all measurements of a set of images, as one typed record that is stored as JSON."""

import json
import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ganvas import files
from ganvas.errors import UserError
from ganvas.evaluation.intervals import Estimate

FORMAT = 2


class ScorecardPart(BaseModel):
    """A part of a scorecard. Unknown keys are ignored, so that a later ganvas may add measurements."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


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
        return _estimate(self.value, self.low, self.high)


class Distance(Measurement):
    """A measurement of generated against held-out images, beside that of training images."""

    name: str | None = None
    """Its name in these features: FCD, FID, KID."""
    floor: float | None = None
    """The same measurement of as many training images, which a perfect generator reaches."""
    n: int | None = None
    """Generated images in it."""


class Distances(ScorecardPart):
    """Distances in the features that the protocol names; all but the first are None in a quick scorecard."""

    frechet: Distance
    kid: Distance | None = None
    precision: Distance | None = None
    recall: Distance | None = None
    density: Distance | None = None
    coverage: Distance | None = None


class Accuracy(ScorecardPart):
    """A classifier's accuracy, beside a reference on real images. Shares from 0 to 1 with Wilson's intervals."""

    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    real_accuracy: float | None = None
    real_low: float | None = None
    real_high: float | None = None

    @property
    def estimate(self) -> Estimate | None:
        """The accuracy with its interval, where there is one."""
        return _estimate(self.accuracy, self.low, self.high)


class ClassificationAccuracyScore(Accuracy):
    """CAS: the accuracy on real held-out images of a classifier trained on generated images alone."""

    images: int
    """Training images of this classifier, and of the reference trained on real ones."""


class CopyScores(ScorecardPart):
    """The test for copies of training images (`copies.py`)."""

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
    """How often the evaluator predicts the label that an image was asked for."""

    asked: bool
    """False for images without labels, which only have `predicted` and the accuracy on real images."""
    confidence: float | None = None
    """The mean calibrated probability of the label."""
    real_confidence: float | None = None
    worst: ClassScores | None = None
    """The class with the lowest accuracy; its name and accuracy alone."""
    confusion: tuple[tuple[int, ...], ...] | None = None
    """(K, K): a row for the label, a column for the prediction."""
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
    evaluator: str | None = None
    """The evaluator's digest."""
    n: int
    reference: str
    fingerprint: str
    """Of the real set."""
    split: str
    size: int
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
    labels: LabelScores | None = None
    distances: Distances
    copies: CopyScores | None = None
    diversity: DiversityScores | None = None
    per_class: tuple[ClassScores, ...]
    classification_accuracy_score: ClassificationAccuracyScore | None = None

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


def _estimate(value: float | None, low: float | None, high: float | None) -> Estimate | None:
    # JSON stores an infinite bound as null.
    if value is None:
        return None
    return Estimate(value, -math.inf if low is None else low, math.inf if high is None else high)


def _rounded(value: Any) -> Any:
    # JSON has no infinity and no NaN. A ratio to a real class of identical images is infinite.
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else None
    return value
