"""Two things measured in turn, A B A B ..., so that a machine that slows down slows both."""

import os
import platform
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def in_turn(first: Callable[[], T], second: Callable[[], T], rounds: int) -> list[tuple[T, T]]:
    """(first, second) of each round; each function returns what it measured."""
    return [(first(), second()) for _ in range(rounds)]


def ratios(name: str, measured: list[tuple[float, float]]) -> float:
    """Prints the ratio first/second of every round, and returns the median."""
    found = [a / b for a, b in measured]
    middle = statistics.median(found)
    print(f"{name}: median {middle:.3f} of {len(found)} rounds ({', '.join(f'{ratio:.3f}' for ratio in found)})")
    return middle


def machine() -> str:
    """The processor, in a line."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
