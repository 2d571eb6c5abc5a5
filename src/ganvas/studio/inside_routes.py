"""The routes into a run's discriminator."""

from fastapi import FastAPI, Request, Response

from ganvas.studio.image_routes import NEVER_KEPT, kept_promise
from ganvas.studio.inside import Insides
from ganvas.studio.inside_views import InsideRequest, InsideView, UnitRequest, UnitView
from ganvas.studio.samples import SampleQueue


def add_inside(app: FastAPI, samples: SampleQueue) -> None:
    """An image inside D, and one value of it. Worked out on the thread of the samples, one after the other."""
    insides = Insides(samples)

    @app.post("/api/inside")
    async def inside(request: Request, response: Response, asked: InsideRequest) -> InsideView:
        response.headers.update(NEVER_KEPT)
        return await kept_promise(request, samples.work_out(lambda: insides.view(asked)))

    @app.post("/api/inside/unit")
    async def inside_unit(request: Request, response: Response, asked: UnitRequest) -> UnitView:
        response.headers.update(NEVER_KEPT)
        return await kept_promise(request, samples.work_out(lambda: insides.unit(asked)))
