"""A quick score on the way: are labels obeyed, how far are the pictures from real ones, and is this the best so far?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ganvas.classifying.judging import judge_of
from ganvas.data.prepared import Prepared
from ganvas.metrics.distances import frechet
from ganvas.metrics.pictures import draw, thinned
from ganvas.runs.bundle import Bundle, Card
from ganvas.sampling import Sampler
from ganvas.training.game import Game

COUNT = 2_000


class QuickScore:
    """Scores a generator by the judge of the set, on the same noise every time."""

    def __init__(self, prepared: Prepared, say: Callable[[str], None]) -> None:
        """Fits the judge if there is none yet. UserError for a set that cannot have one."""
        self.prepared, self.judge = prepared, judge_of(prepared, say)
        held = thinned(np.asarray(prepared.held_out), prepared.labels, COUNT)
        self.real = self.judge.look(prepared.pixels[held]).features

    def of(self, game: Game, card: Card) -> dict[str, float]:
        """label_accuracy, where labels are asked for, and the Fréchet distance in the judge's features, fcd."""
        assert game.average is not None
        with evaluating(game.average.network) as network:
            pictures = draw(Sampler(Bundle(card, {"generator": network})), self.prepared, COUNT, card.seed)
        seen = self.judge.look(pictures.pixels)
        found = {"fcd": frechet(self.real, seen.features).value}
        if pictures.labels is not None:
            found["label_accuracy"] = float(np.mean(seen.logits.argmax(1) == pictures.labels))
        return found


@contextmanager
def evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """The network in eval mode while it is looked at, and as it was afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        with torch.no_grad():
            yield network.eval()
    finally:
        for module, training in modes:
            module.training = training
