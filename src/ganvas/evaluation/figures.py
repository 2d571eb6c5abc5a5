"""Figures as a reader sees them: shares, intervals, three significant digits."""

from ganvas.evaluation.intervals import Estimate


def percent(share: float) -> str:
    """A share from 0 to 1 as a percentage: 98.9 %."""
    return f"{100 * share:.1f} %"


def three_digits(value: float) -> str:
    """Three significant digits: 0.365, 5.4, 5,490."""
    return f"{float(f'{value:.3g}'):,g}"


def with_interval(estimate: Estimate, is_share: bool) -> str:
    """`98.9 % (98.7 to 99.1)` of a share, `5.4 (4.64 to 6.15)` of anything else."""
    if is_share:
        return f"{percent(estimate.value)} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"
    return f"{three_digits(estimate.value)} ({three_digits(estimate.low)} to {three_digits(estimate.high)})"


def share_or_dash(value: float | None) -> str:
    """A share as a percentage; a dash where there is none."""
    return "–" if value is None else percent(value)


def digits_or_dash(value: float | None) -> str:
    """Three significant digits; a dash where there is no figure."""
    return "–" if value is None else three_digits(value)
