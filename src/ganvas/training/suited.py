"""What a run leaves to the data: how classes are sampled, what D sees, and when labels come in.

Few pictures are learned by heart, and rare classes collapse onto common ones or onto one picture each. Each rule looks
at the training pictures alone, so that the same set always gets the same answer. No recipe leaves anything to them yet:
their thresholds are guesses, and where they were tried they did not help (`docs/notebook.md`).
"""

from collections.abc import Callable

import numpy as np

from ganvas.data.prepared import Prepared
from ganvas.objectives.rules import Simultaneous
from ganvas.runs.spec import Run

UNEQUAL = 3
"""A class with this many times the pictures of another."""
FEW = 10_000
"""Training pictures that D can learn by heart."""
RARE = 500
"""Pictures of a class below which labels make it collapse (Shahbazi et al. 2022, arXiv 2201.06578)."""
RAMP = 8
"""Labels come in over one part in so many of the run."""


def suited(run: Run, prepared: Prepared, say: Callable[[str], None] = lambda line: None) -> Run:
    """The run with everything settled that is "auto" and follows from the data, and why, in words.

    The label ramp follows from the budget too: see `ramped`.
    """
    smallest, largest = class_sizes(run, prepared)
    if run.training.sampler == "auto":
        balanced = largest > UNEQUAL * smallest
        if balanced:
            say(f"sampler balanced: classes have {smallest} to {largest} pictures")
        sampler = {"sampler": "balanced" if balanced else "epochs"}
        run = run.model_copy(update={"training": run.training.model_copy(update=sampler)})
    if isinstance(run.objective, Simultaneous) and run.objective.augment == "auto":
        few = len(prepared.train) < FEW
        if few:
            say(f"augmentation on: D could learn {len(prepared.train)} pictures by heart")
        augment = {"augment": "on" if few else "off"}
        run = run.model_copy(update={"objective": run.objective.model_copy(update=augment)})
    return run


def ramped(run: Run, prepared: Prepared, images: int, say: Callable[[str], None] = lambda line: None) -> Run:
    """The run with its label ramp settled, now that its budget in pictures is known."""
    if not isinstance(run.objective, Simultaneous) or run.objective.label_ramp_images != "auto":
        return run
    smallest, _ = class_sizes(run, prepared)
    ramp = images // RAMP if 0 < smallest < RARE else 0
    if ramp:
        say(f"labels come in over the first {ramp} pictures: the smallest class has {smallest}")
    return run.model_copy(update={"objective": run.objective.model_copy(update={"label_ramp_images": ramp})})


def class_sizes(run: Run, prepared: Prepared) -> tuple[int, int]:
    """Training pictures of the smallest and of the largest class; (0, 0) where labels are not used."""
    if run.labels == "off" or prepared.labels is None:
        return 0, 0
    sizes = np.bincount(prepared.labels[prepared.train], minlength=len(prepared.classes))
    return int(sizes[sizes > 0].min()), int(sizes.max())
