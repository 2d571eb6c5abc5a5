"""Short fits, easy images, and a scorecard written by hand."""

import copy

import numpy as np
import pytest

CARD = {
    "format": 3,
    "ganvas": "0.1.0",
    "name": "one",
    "images": {},
    "classes": ["cat", "dog"],
    "protocol": {
        "features": "evaluator@01234567",
        "label_free": "random@89abcdef",
        "evaluator": "01234567",
        "n": 1000,
        "reference": "500 held-out images of pets",
        "fingerprint": "abc",
        "split": "the set's own",
        "size": 28,
        "channels": 1,
        "crop": "square",
        "filter": "mean",
        "quick": False,
        "seed": 0,
    },
    "evaluator": {"temperature": 1.2, "calibration_error": 0.01, "calibrated_on": "half", "images_shown": 10},
    "labels": {
        "asked": True,
        "accuracy": 0.9,
        "low": 0.88,
        "high": 0.92,
        "real_accuracy": 0.95,
        "worst": {"name": "dog", "accuracy": 0.8},
        "confusion": [[500, 0], [100, 400]],
    },
    "two_sample": {
        "auc": {"value": 0.8, "low": 0.77, "high": 0.83},
        "auc_blurred": {"value": 0.75, "low": 0.72, "high": 0.78},
        "fitted": 500,
        "tested": 500,
    },
    "statistics": {"neighbour_difference": {"value": 3.0, "real": 3.0, "real_low": 2.9, "real_high": 3.1}},
    "distances": {
        "evaluator": {
            "frechet": {"name": "FCD", "value": 5.0, "low": 4.5, "high": 5.5, "floor": 1.0, "n": 1000},
            "kid": {"name": "KID", "value": 0.5, "low": 0.4, "high": 0.6, "floor": 0.01, "n": 1000},
            "precision": {"value": 0.9, "low": 0.88, "high": 0.92, "floor": 0.95},
            "recall": {"value": 0.7, "low": 0.68, "high": 0.72, "floor": 0.95},
        },
        "random": {"kid": {"name": "KID", "value": 0.2, "low": 0.1, "high": 0.3, "floor": 0.0, "n": 1000}},
    },
    "copies": {
        "p_value": 0.4,
        "z": 0.2,
        "closer": 0.5,
        "flagged": False,
        "near_copies": 0.0,
        "verdict": "No copying found.",
        "near_duplicates_across_split": 3,
    },
    "diversity": {"value": 0.9, "low": 0.8, "high": 1.0, "within_classes": 0.85},
    "classification_accuracy_score": {"accuracy": 0.8, "low": 0.78, "high": 0.82, "real_accuracy": 0.9, "images": 1000},
    "per_class": [
        {
            "name": name,
            "n": 500,
            "accuracy": accuracy,
            "low": accuracy - 0.02,
            "high": accuracy + 0.02,
            "real_accuracy": 0.95,
            "frechet": {"value": None, "why": "few"},
            "kid": {"value": 0.5, "floor": 0.01},
            "diversity": {"value": 0.8, "collapsed": False},
            "copies": {"p_value": 0.5, "closer": 0.5, "flagged": False},
        }
        for name, accuracy in (("cat", 1.0), ("dog", 0.8))
    ],
}


@pytest.fixture
def card():
    """A scorecard as it is stored, a fresh copy per test."""
    return copy.deepcopy(CARD)


@pytest.fixture(scope="session")
def shades():
    """(pixels (N, 1, 16, 16), labels (N,)): dark, middling and light noise, easily distinguished."""
    random = np.random.default_rng(0)
    labels = np.arange(120) % 3
    pixels = random.integers(0, 60, (120, 1, 16, 16)) + 90 * labels[:, None, None, None]
    return pixels.astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(autouse=True)
def moment(monkeypatch):
    """Fits are short and run on one thread."""
    monkeypatch.setattr("ganvas.machine.cores", lambda: 1)
    for module in ("evaluator", "labels"):
        monkeypatch.setattr(f"ganvas.evaluation.{module}.fit_images", lambda count, size: 1024)
    for name in ("IMAGES_SHOWN", "QUICK_IMAGES_SHOWN"):
        monkeypatch.setattr(f"ganvas.evaluation.two_sample.{name}", 1024)
