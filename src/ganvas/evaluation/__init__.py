"""Evaluation: a set's evaluator, metrics of generated images against real ones, scorecards and their comparison."""
