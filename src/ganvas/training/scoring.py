"""A quick score on the way: are labels obeyed, how far are the images from real ones, and is this the best so far?"""

import numpy as np

from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.distances import frechet
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.evaluation.predict import eval_mode
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
