"""Classifiers of images: fitted, calibrated, asked; and the evaluator of a set."""

from ganvas.evaluation.predict import accuracy, confusion, predict

__all__ = ["accuracy", "confusion", "predict"]
