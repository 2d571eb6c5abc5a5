"""A run and its set, opened and found fit to be asked about."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas.config.run import RunConfig
from ganvas.data import DataConfig, PreparedSet, open_source
from ganvas.errors import UserError
from ganvas.evaluation.samples import subsample
from ganvas.experiments.budget import MOST_TESTED
from ganvas.runs import bundle, sealed
from ganvas.runs.folder import RunFolder
from ganvas.sampling import Sampler
from ganvas.training.engine import ComputeConfig

Json = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """A run that is asked about, and the set it was trained on."""

    name: str
    record: Json
    run: RunConfig
    prepared: PreparedSet
    sampler: Sampler
    tested: NDArray[np.int64]
    """Rows of the held-out images that every fit is tested on."""

    @property
    def speed(self) -> ComputeConfig:
        """The run's own."""
        return ComputeConfig(**self.record["speed"])


def subject(path: Path, most_tested: int = MOST_TESTED) -> Subject:
    """Opens a run and its set; fits are to be tested on at most so many held-out images.

    UserError where the question makes no sense of it, or cannot be answered.
    """
    if (path / sealed.MANIFEST).is_file():
        raise UserError(f"{path} is a bundle, which does not say where its images lie: give the run's own folder")
    sampler = Sampler(bundle.open_run(path), path.resolve().name)
    record = RunFolder(path).read()
    run = RunConfig.model_validate(record["run"])
    if not sampler.classes:
        raise UserError(f"{sampler.name} was trained without labels, and a classifier learns labels")
    if len(sampler.classes) == 1:
        raise UserError(f"{sampler.name} knows one class, and a classifier tells classes apart")
    prepared = open_source(run.source, DataConfig.model_validate(record["run"]["data"]))
    if prepared.fingerprint != record["data"]["fingerprint"]:
        raise UserError(
            f"{run.source} is no longer what {path} was trained on: its images have changed; bring them back, or "
            "train another run on them"
        )
    if not len(prepared.held_out):
        raise UserError(
            f"{prepared.name} gives no held-out images, without which no classifier can be tested; "
            "at least 10 of a class are needed"
        )
    tested = subsample(np.asarray(prepared.held_out), prepared.labels, most_tested)
    return Subject(sampler.name, record, run, prepared, sampler, tested)
