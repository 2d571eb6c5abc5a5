"""How many steps a run takes, and how far in its schedule a step is; planned anew where minutes were promised.

A budget in images or epochs never changes. A budget in minutes is turned into images with a pace that was measured.
When the pace has changed for good, the rest is planned anew: more images or fewer, and the learning rate, which follows
the progress from 0 to 1, goes on from where it is to the new end. Such a plan is part of the checkpoint.
"""

from collections import deque

from ganvas.config.run import ResolvedRun
from ganvas.runs.record import Plan, State
from ganvas.training.engine import Engine

# Shares of the promised time. The pace is a mean over the last WINDOW, and over no less than half of that.
WINDOW = 0.1
# The rest is planned anew where training would end so much too early or too late. More is allowed as long as much is
# left: a pace swings, and a plan that is a little wrong can be mended later.
TOLERANCE, TOLERANCE_OF_WHAT_IS_LEFT = 0.03, 0.2
# It ends at the latest so much too late, even if its last images became slow all of a sudden.
LATEST = 0.07


class Schedule:
    """The steps of one run, from what it was resolved to and its state."""

    def __init__(self, run: ResolvedRun, state: State) -> None:
        self.run, self.batch, self.plan = run, run.training.batch, state.plan
        # What was trained before this process began tells nothing of its pace.
        self._paces = deque([(state.training_seconds, state.step * self.batch)])

    @property
    def images(self) -> int:
        """Images of the whole run, as it is planned now."""
        return self.plan.images if self.plan else self.run.images

    @property
    def steps(self) -> int:
        """Steps of the whole run, as it is planned now."""
        return self.images // self.batch

    def progress(self, step: int) -> float:
        """The share of the schedule, 0 to 1, that lies before a step."""
        if self.plan is None:
            return step / self.steps
        before, share_before = self.plan.images_before, self.plan.progress_before
        share = (step * self.batch - before) / max(1, self.plan.images - before)
        return share_before + share * (1 - share_before)

    def better_total(self, state: State) -> int | None:
        """Images of the whole run that would keep the promised time; None as long as the plan does."""
        if self.run.time is None:
            return None
        now, seen = state.training_seconds, state.step * self.batch
        end, promised = self.run.time.end_seconds, self.run.time.end_seconds - self.run.time.begin_seconds
        self._paces.append((now, seen))
        while self._paces[1][0] <= now - WINDOW * promised:
            self._paces.popleft()
        if now - end > LATEST * promised:
            return seen
        seconds, images = now - self._paces[0][0], seen - self._paces[0][1]
        if seconds < WINDOW / 2 * promised or not images:
            return None
        rate = images / seconds
        allowed = TOLERANCE * promised + TOLERANCE_OF_WHAT_IS_LEFT * max(0.0, end - now)
        if abs(now + (self.images - seen) / rate - end) <= allowed:
            return None
        return max(seen, self.run.training.whole_batches(seen + max(0, round(rate * (end - now)))))

    def replan(self, state: State, engine: Engine) -> bool:
        """Plans the rest anew where the promised time asks for it, and records that in the state. All processes ask."""
        if self.run.time is None:
            return False
        images = int(engine.from_rank_zero(self.better_total(state) or 0))
        if not images:
            return False
        seen = state.step * self.batch
        self.plan = Plan(images_before=seen, images=images, progress_before=self.progress(state.step))
        state.plan = self.plan
        self._paces = deque([(state.training_seconds, seen)])
        return True
