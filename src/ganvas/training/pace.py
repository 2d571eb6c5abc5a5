"""The number of CPU threads of a training, which follows the load of the machine."""

from ganvas import threads
from ganvas.config.run import ResolvedRun
from ganvas.objectives.config import GanObjective
from ganvas.runs.record import State
from ganvas.training.engine import Engine
from ganvas.training.step import step_kind


class Pace:
    """Times the steps of a run."""

    def __init__(self, run: ResolvedRun, engine: Engine, state: State) -> None:
        """Begins with the threads of the state, or of the resolved run."""
        self.objective = run.objective
        # Elsewhere the device sets the pace; and processes that wait for each other would mistake waiting for work.
        adapts = run.adapts_threads and engine.device.type == "cpu" and engine.world == 1
        first = (state.threads if adapts else None) or run.compute.threads
        self.tuner = threads.tuner(first) if adapts else threads.Tuner((first,), first)
        threads.use(self.tuner)

    def is_usual(self, step: int) -> bool:
        """Whether a step is of the kind that most steps are of: its time can be compared with that of others."""
        if not isinstance(self.objective, GanObjective):
            return True
        usual = self.objective.penalty_every == 1 and any(self.objective.penalty_weights())
        return step_kind(self.objective, step) == (usual, self.objective.generator_every <= 2)

    def after_step(self, step: int, seconds: float) -> threads.Change | None:
        """Sets the threads of the next step; returns a change that is more than a trial."""
        if not (self.tuner.is_open and self.is_usual(step)):
            return None
        change = self.tuner.after_step(seconds)
        threads.use(self.tuner)
        return change
