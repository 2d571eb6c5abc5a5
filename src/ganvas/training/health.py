"""Whether a training is healthy: finite numbers, enough memory, no collapse.

`check_finite` stops a run that has gone wrong before it can overwrite what went right. `Watchdog` reads in the log,
at no cost, that D wins outright, that the images of a class become alike, or, where the run is scored, that its images
become worse: it warns first, and stops the run later. It is a function of the log alone, so that a resumed run is
watched as one that was never stopped.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from ganvas.errors import RunFailedError
from ganvas.training.step import StepMetrics

CHECK_EVERY_STEPS = 10
# A healthy discriminator's logits stay below 100.
MAX_LOGIT = 1e6

# When D wins outright its mean probability is above this for real images, and below one less it for generated ones.
OUTRIGHT = 0.995
# Shares of the budget during which D wins outright all the time.
WARN_AFTER, STOP_AFTER = 0.25, 0.5
MIN_RECORDS = 20
# Until this share of the budget previews are noise, whose deviation means nothing.
YOUNG = 0.1
# A class has collapsed when its previews deviate by less than this share of the most they ever did,
# so many previews in a row for a warning and for a stop.
COLLAPSED = 0.3
COLLAPSED_PREVIEWS_TO_WARN, COLLAPSED_PREVIEWS_TO_STOP = 2, 4
# Training gets worse when its KID has lost this share of all that it had gained, so many scores in a row.
LOST = 0.5
WORSE_SCORES_TO_WARN, WORSE_SCORES_TO_STOP = 3, 6
MEMORY_ADVICE = "memory ran out; the last checkpoint is kept. Try a smaller --training.batch, --pair.width or --size"


class DivergedError(RunFailedError):
    """Numbers are no longer finite, or have exploded; what was saved before is kept."""


def check_finite(metrics: StepMetrics, networks: Mapping[str, nn.Module], step: int) -> None:
    """DivergedError, with advice, if a loss, a logit or a weight is no number or has exploded."""
    problems = []
    for name, value in metrics.items():
        largest = float(value.abs().max())
        if not math.isfinite(largest):
            problems.append(f"{name} is not a number")
        elif name.startswith("score_") and largest > MAX_LOGIT:
            problems.append(f"the discriminator explodes: a logit of {largest:.1e}")
    for name, network in networks.items():
        norms = torch._foreach_norm([parameter.detach() for parameter in network.parameters()], ord=1)
        if not all(map(math.isfinite, torch.stack(list(norms)).tolist())):
            problems.append(f"a weight of the {name} is not a number")
    if problems:
        raise DivergedError(
            f"{problems[0]} after {step} step{'s' * (step != 1)}; what was saved before is kept. "
            "Try a lower --optimiser.lr, another --objective.r1, or --precision float32, with another --out"
        )


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on whichever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


@dataclass(frozen=True)
class Trouble:
    """What is wrong, and how badly."""

    kind: Literal["warning", "stop"]
    sentence: str


class StoppedError(RunFailedError):
    """The watchdog stopped a run; its best state is kept."""


class Watchdog:
    """Checks the records of a run of `total_images`, in their order."""

    def __init__(self, total_images: int, scores_are_probabilities: bool = True) -> None:
        """scores_are_probabilities: False for a loss that only compares logits, whose level then means nothing."""
        self.total, self.reads_scores = total_images, scores_are_probabilities
        self.scores: list[tuple[int, float, float]] = []
        self.spreads: list[float] = []
        self.kids: list[float] = []
        self.warned: set[str] = set()

    def check(self, record: Mapping[str, float]) -> Trouble | None:
        """The trouble that the newest record shows; each warning comes once."""
        images = int(record["images"])
        self.total = int(record.get("planned_images", self.total))
        trouble = None
        if self.reads_scores and "score_real" in record and "score_fake" in record:
            self.scores.append((images, record["score_real"], record["score_fake"]))
            trouble = self._wins_outright(images)
        if "spread" in record and images >= YOUNG * self.total:
            self.spreads.append(record["spread"])
            trouble = self._collapses() or trouble
        if "kid" in record:
            self.kids.append(record["kid"])
            trouble = self._gets_worse() or trouble
        return trouble

    def _wins_outright(self, images: int) -> Trouble | None:
        for kind, share in (("stop", STOP_AFTER), ("warning", WARN_AFTER)):
            if images < share * self.total:
                continue
            recent = [entry for entry in self.scores if entry[0] > images - share * self.total]
            real = sum(entry[1] for entry in recent) / len(recent)
            fake = sum(entry[2] for entry in recent) / len(recent)
            if len(recent) >= MIN_RECORDS and real > OUTRIGHT and fake < 1 - OUTRIGHT:
                sentence = (
                    f"D has won outright for {share:.0%} of the budget (real {real:.3f}, fake {fake:.3f}): "
                    "G learns next to nothing from it. Try a larger --objective.r1 or a lower --optimiser.lr"
                )
                return self._once("outright", kind, sentence)
        return None

    def _collapses(self) -> Trouble | None:
        widest = max(self.spreads)
        alike = [spread < COLLAPSED * widest for spread in reversed(self.spreads)]
        row = alike.index(False)  # previews in a row; the widest one is never among them
        for kind, needed in (("stop", COLLAPSED_PREVIEWS_TO_STOP), ("warning", COLLAPSED_PREVIEWS_TO_WARN)):
            if row >= needed:
                sentence = (
                    f"the previews of a class have become alike: their spread is {self.spreads[-1] / widest:.0%} "
                    f"of what it was, {row} previews in a row. Try a larger --objective.r1 or a lower --optimiser.lr"
                )
                return self._once("collapse", kind, sentence)
        return None

    def _gets_worse(self) -> Trouble | None:
        best = min(self.kids)
        gained = max(self.kids[: self.kids.index(best) + 1]) - best
        worse = [kid > best + LOST * max(gained, best) for kid in reversed(self.kids)]
        row = worse.index(False)  # scores in a row; the best one is never among them
        for kind, needed in (("stop", WORSE_SCORES_TO_STOP), ("warning", WORSE_SCORES_TO_WARN)):
            if row >= needed:
                sentence = (
                    f"the images become worse: KID {self.kids[-1]:.3g}, which was {best:.3g} at its best, {row} scores "
                    "in a row. Try a larger --objective.r1 or a lower --optimiser.lr"
                )
                return self._once("worse", kind, sentence)
        return None

    def _once(self, what: str, kind: str, sentence: str) -> Trouble | None:
        if kind == "stop":
            return Trouble("stop", sentence)
        if what in self.warned:
            return None
        self.warned.add(what)
        return Trouble("warning", sentence)
