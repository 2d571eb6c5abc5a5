"""The questions that the notes ask, one file each. A new one is a file and a line in the table."""

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

EXPERIMENTS: dict[str, Experiment] = {
    each.EXPERIMENT.name: each.EXPERIMENT
    for each in (
        conditioning,
        refinements,
        activation,
        normalisation,
        memory,
        locality,
        hierarchy,
        harmony,
        batch_one,
    )
}
