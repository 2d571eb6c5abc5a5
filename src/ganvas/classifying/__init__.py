"""Classifiers of pictures: fitted, calibrated, asked; and the judge of a set."""

from ganvas.classifying.predicting import accuracy, confusion, predict

__all__ = ["accuracy", "confusion", "predict"]
