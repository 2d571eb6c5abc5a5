"""Sees in a run's log, which costs nothing, that a game is lost: it warns first, and stops the run later.

It is a function of the log alone, so that a resumed run is judged as one that was never stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ganvas.errors import RunFailedError

SURE = 0.995  # D's mean probability for real images, and one less it for fake ones, when it wins outright
WARNED_AFTER = 0.25  # of the budget, in which D won outright all the time
STOPPED_AFTER = 0.5
FEWEST_RECORDS = 20
YOUNG = 0.1  # of the budget: until then previews are noise, whose spread means nothing
COLLAPSED = 0.3  # of the widest spread that the previews had
COLLAPSED_PREVIEWS = (2, 4)  # in a row: for a warning, for a stop


@dataclass(frozen=True)
class Trouble:
    """What is wrong, and how badly."""

    kind: Literal["warning", "stop"]
    sentence: str


class StoppedError(RunFailedError):
    """The watchdog stopped a run, whose best state was kept."""


class Watchdog:
    """Looks at each record of a run of so many images, in their order."""

    def __init__(self, total_images: int, scores_are_probabilities: bool = True) -> None:
        """`scores_are_probabilities`: not so under a loss that only compares, where a logit's level means nothing."""
        self.total, self.reads_scores = total_images, scores_are_probabilities
        self.scores: list[tuple[int, float, float]] = []
        self.spreads: list[float] = []
        self.warned: set[str] = set()

    def see(self, record: Mapping[str, float]) -> Trouble | None:
        """What the newest record adds; each warning once."""
        images = int(record["images"])
        found = None
        if self.reads_scores and "score_real" in record and "score_fake" in record:
            self.scores.append((images, record["score_real"], record["score_fake"]))
            found = self._wins_outright(images)
        if "spread" in record and images >= YOUNG * self.total:
            self.spreads.append(record["spread"])
            found = self._collapses() or found
        return found

    def _wins_outright(self, images: int) -> Trouble | None:
        for kind, share in (("stop", STOPPED_AFTER), ("warning", WARNED_AFTER)):
            if images < share * self.total:
                continue
            recent = [entry for entry in self.scores if entry[0] > images - share * self.total]
            real = sum(entry[1] for entry in recent) / len(recent)
            fake = sum(entry[2] for entry in recent) / len(recent)
            if len(recent) >= FEWEST_RECORDS and real > SURE and fake < 1 - SURE:
                sentence = (
                    f"D has won outright for {share:.0%} of the budget (real {real:.3f}, fake {fake:.3f}): "
                    "G learns next to nothing from it. Try a larger --objective.r1 or a lower --optimiser.lr"
                )
                return self._once("outright", kind, sentence)
        return None

    def _collapses(self) -> Trouble | None:
        widest = max(self.spreads)
        row = 0
        for spread in reversed(self.spreads):
            if spread >= COLLAPSED * widest:
                break
            row += 1
        for kind, needed in (("stop", COLLAPSED_PREVIEWS[1]), ("warning", COLLAPSED_PREVIEWS[0])):
            if row >= needed:
                sentence = (
                    f"the previews of a class have become alike: their spread is {self.spreads[-1] / widest:.0%} "
                    f"of what it was, {row} previews in a row. Try a larger --objective.r1 or a lower --optimiser.lr"
                )
                return self._once("collapse", kind, sentence)
        return None

    def _once(self, what: str, kind: str, sentence: str) -> Trouble | None:
        if kind == "stop":
            return Trouble("stop", sentence)
        if what in self.warned:
            return None
        self.warned.add(what)
        return Trouble("warning", sentence)
