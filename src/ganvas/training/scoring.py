"""A quick score on the way: are labels obeyed, how far are the images from real ones, and is this the best so far?"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.distances import frechet
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.evaluation.samples import draw_samples, subsample
from ganvas.runs.bundle import Bundle, BundleInfo
from ganvas.sampling import Sampler
from ganvas.training.trainer import Trainer

COUNT = 2_000


class QuickScore:
    """Scores a generator by the evaluator of the set, on the same noise every time."""

    def __init__(self, prepared: PreparedSet) -> None:
        """Fits the evaluator if there is none yet. UserError for a set that cannot have one."""
        self.prepared, self.judge = prepared, evaluator_for(prepared)
        held = subsample(np.asarray(prepared.held_out), prepared.labels, COUNT)
        self.real = self.judge.embed(prepared.pixels[held]).features

    def of(self, game: Trainer, card: BundleInfo) -> dict[str, float]:
        """label_accuracy, where labels are asked for, and the Fréchet distance in the evaluator's features, fcd."""
        assert game.ema is not None
        with eval_mode(game.ema.network) as network:
            images = draw_samples(Sampler(Bundle(card, {"generator": network})), self.prepared, COUNT, card.seed)
        seen = self.judge.embed(images.pixels)
        found = {"fcd": frechet(self.real, seen.features).value}
        if images.labels is not None:
            found["label_accuracy"] = float(np.mean(seen.logits.argmax(1) == images.labels))
        return found


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[nn.Module]:
    """The network in eval mode while it is looked at, and as it was afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        with torch.no_grad():
            yield network.eval()
    finally:
        for module, training in modes:
            module.training = training
