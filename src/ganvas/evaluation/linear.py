"""A second opinion on labels: a linear classifier of features that no label taught, another architecture altogether.

A generator that draws what one classifier looks for need not please another. Alain & Bengio 2016 (arXiv 1610.01644)
call such a classifier a linear probe.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ganvas.evaluation.distances import as_rows
from ganvas.evaluation.features import Features

WEIGHT_PENALTY = 0.1
MOST_STEPS = 100


def fit_linear(features: Features, labels: NDArray[np.int64], classes: int) -> Callable[[Features], NDArray[np.int64]]:
    """Fits a softmax of standardised features (N, F) to labels (N,) -> a function from (M, F) to classes (M,).

    Minimises cross-entropy + WEIGHT_PENALTY / 2 |weights|² by L-BFGS from zero: no draw, and one minimum.
    """
    rows = as_rows(features)
    centre, scale = rows.mean(0), rows.std(0, correction=0) + 1e-6
    inputs, targets = (rows - centre) / scale, torch.from_numpy(labels)
    weights = torch.zeros(inputs.shape[1], classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=MOST_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(inputs @ weights + bias, targets) + WEIGHT_PENALTY / 2 * weights.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]

    def predict(others: Features) -> NDArray[np.int64]:
        with torch.no_grad():
            logits = (as_rows(others) - centre) / scale @ weights + bias
        return np.asarray(logits.argmax(1).numpy())

    return predict
