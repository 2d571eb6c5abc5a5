"""The routes that start work on one run: a short run beside it with one thing changed, and its evaluation."""

from fastapi import FastAPI
from pydantic import Field

from ganvas.settings import Settings
from ganvas.studio.evaluations import Evaluation, Evaluations
from ganvas.studio.places import Places
from ganvas.studio.presets import presets_of
from ganvas.studio.trainings import Trainings


class Beside(Settings):
    """A run that was started beside another."""

    name: str


class ShortBudget(Settings):
    """How long it trains."""

    minutes: float = Field(default=1.0, gt=0, le=60)


def add_work(app: FastAPI, places: Places, trainings: Trainings) -> None:
    """Presets and evaluations."""
    evaluations = Evaluations(places)

    @app.get("/api/runs/{name}/presets")
    def presets(name: str) -> list[str]:
        return [preset.name for preset in presets_of(places.run(name).read())]

    @app.post("/api/runs/{name}/presets/{preset}", status_code=201)
    def start_beside(name: str, preset: str, budget: ShortBudget) -> Beside:
        return Beside(name=trainings.start_beside(places.run(name), preset, budget.minutes))

    @app.get("/api/runs/{name}/evaluation")
    def evaluation(name: str) -> Evaluation:
        return evaluations.of(places.run(name))

    @app.post("/api/runs/{name}/evaluation", status_code=202)
    def evaluate(name: str) -> Evaluation:
        run = places.run(name)
        evaluations.start(run)
        return evaluations.of(run)

    @app.delete("/api/runs/{name}/evaluation", status_code=202)
    def stop_evaluation(name: str) -> Evaluation:
        run = places.run(name)
        evaluations.stop(run)
        return evaluations.of(run)
