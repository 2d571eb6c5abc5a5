"""What a run leaves to the data: how much D is held back, how classes are sampled, what D sees.

Each rule looks at the training images alone, so that the same set always gets the same answer. A gradient penalty
adds up over the values of an image, so that the same weight holds D back less where images are larger (Karras et al.
2020, arXiv 2006.06676, let it grow with their area). Few small images are learned by heart, unless D sees them moved;
rare classes are learned late, unless they are drawn more often than there are images of them. `modern` leaves all
this to the rules; what they were measured on stands in `docs/notebook.md`.
"""

import numpy as np

from ganvas import console
from ganvas.config.run import RunConfig
from ganvas.data.prepared import PreparedSet
from ganvas.networks.modern import Modern
from ganvas.objectives.config import GanObjective

WEIGHT, VALUES, GROWTH, HEAVIEST = 0.03, 28 * 28, 2.5, 1.0
"""A penalty's weight for images of so many values, the power of their number by which it grows, and where that ends:
measured from 784 to 6,912 values (`docs/notebook.md`)."""
UNEQUAL = 3
"""A class with this many times the images of another."""
FEW, SMALL = 10_000, 32
"""Training images that D can learn by heart, and their side in pixels up to which moving them was seen to help: on
portraits of 64 px it cost more than it gave, as long as they were trained."""


def resolve(run: RunConfig, prepared: PreparedSet) -> RunConfig:
    """The run with everything settled that is "auto" and follows from the data, and why, in words."""
    smallest, largest = class_sizes(run, prepared)
    if run.training.sampler == "auto":
        unequal = largest > UNEQUAL * smallest
        if unequal:
            console.info(f"classes drawn by the root of their size: they have {smallest} to {largest} images")
        sampler = {"sampler": "square-root" if unequal else "epochs"}
        run = run.model_copy(update={"training": run.training.model_copy(update=sampler)})
    if isinstance(run.objective, GanObjective) and run.objective.augment == "auto":
        few = len(prepared.train) < FEW and prepared.size <= SMALL
        if few:
            console.info(f"D sees images moved: it could learn {len(prepared.train)} of them by heart")
        augment = {"augment": "on" if few else "off"}
        run = run.model_copy(update={"objective": run.objective.model_copy(update=augment)})
    if isinstance(run.pair, Modern) and run.pair.blur == "auto":
        moved = isinstance(run.objective, GanObjective) and run.objective.augment == "on"
        if moved:
            console.info("G's images blurred by a pixel: a D that sees them moved does not mind dots")
        run = run.model_copy(update={"pair": run.pair.model_copy(update={"blur": "on" if moved else "off"})})
    if isinstance(run.objective, GanObjective) and "auto" in (run.objective.r1, run.objective.r2):
        values = prepared.channels * prepared.size**2
        weight = min(HEAVIEST, float(f"{WEIGHT * (values / VALUES) ** GROWTH:.2g}"))
        console.info(f"gradient penalties of {weight:g}: an image has {values} values")
        open_ones = {name: weight for name in ("r1", "r2") if getattr(run.objective, name) == "auto"}
        run = run.model_copy(update={"objective": run.objective.model_copy(update=open_ones)})
    return run


def class_sizes(run: RunConfig, prepared: PreparedSet) -> tuple[int, int]:
    """Training images of the smallest and of the largest class; (0, 0) where labels are not used."""
    if run.labels == "off" or prepared.labels is None:
        return 0, 0
    sizes = np.bincount(prepared.labels[prepared.train], minlength=len(prepared.classes))
    return int(sizes[sizes > 0].min()), int(sizes.max())
