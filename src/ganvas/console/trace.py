"""The history of a figure, as a small curve of characters."""

import math
from collections.abc import Sequence
from itertools import pairwise


class Trace:
    """A metric's whole history in at most 128 points: when they are full, neighbours are joined."""

    def __init__(self) -> None:
        self.points: list[float] = []
        self._stride = 1  # values that one point stands for
        self._waiting: list[float] = []

    def add(self, value: float) -> None:
        """Adds a value; one that is not finite adds no point."""
        if math.isfinite(value):
            self._waiting.append(value)
        if len(self._waiting) == self._stride:
            self.points.append(mean_of(self._waiting))
            self._waiting = []
        if len(self.points) == 128:
            self.points = [mean_of(self.points[i : i + 2]) for i in range(0, 128, 2)]
            self._stride *= 2

    def curve(self, width: int) -> str:
        """The history in at most `width` small columns, the extreme twentieths cut off so that the rest is visible."""
        count = min(width, len(self.points))
        edges = [round(i * len(self.points) / max(1, count)) for i in range(count + 1)]
        means = [mean_of(self.points[a:b]) for a, b in pairwise(edges)]
        ranked = sorted(means)
        cut = len(ranked) // 20
        low, high = (ranked[cut], ranked[-1 - cut]) if ranked else (0.0, 0.0)
        steps = [4.0 if math.isclose(low, high, rel_tol=1e-6) else 8 * (mean - low) / (high - low) for mean in means]
        return "".join("▁▂▃▄▅▆▇█"[max(0, min(7, int(step)))] for step in steps)


def mean_of(values: Sequence[float]) -> float:
    """The mean of some values; NaN of none."""
    return sum(values) / len(values) if values else math.nan
