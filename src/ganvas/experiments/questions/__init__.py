"""The questions that the notes ask, one file each. A new one is a file and a name in the table."""

from ganvas.experiments.experiment import Experiment
from ganvas.experiments.questions import (
    activation,
    batch_one,
    conditioning,
    harmony,
    hierarchy,
    locality,
    memory,
    normalisation,
    refinements,
)

_FILES = (conditioning, refinements, activation, normalisation, memory, locality, hierarchy, harmony, batch_one)
EXPERIMENTS: dict[str, Experiment] = {file.EXPERIMENT.name: file.EXPERIMENT for file in _FILES}
