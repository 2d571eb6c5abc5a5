"""A quick score while training: label accuracy, and the Fréchet distance from held-out images."""

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
        self.prepared, self.evaluator = prepared, evaluator_for(prepared)
        held = subsample(np.asarray(prepared.held_out), prepared.labels, COUNT)
        self.real_features = self.evaluator.embed(prepared.pixels[held]).features

    def score(self, trainer: Trainer, info: BundleInfo) -> dict[str, float]:
        """`fcd`, the Fréchet distance in the evaluator's features, and `label_accuracy` where labels are asked for."""
        assert trainer.ema is not None
        with eval_mode(trainer.ema.network) as network:
            samples = draw_samples(Sampler(Bundle(info, {"generator": network})), self.prepared, COUNT, info.seed)
        generated = self.evaluator.embed(samples.pixels)
        scores = {"fcd": frechet(self.real_features, generated.features).value}
        if samples.labels is not None:
            scores["label_accuracy"] = float(np.mean(generated.logits.argmax(1) == samples.labels))
        return scores
