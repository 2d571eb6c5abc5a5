"""The routes of generated images: rows and mixtures by address, and files of many by request."""

import asyncio
from concurrent.futures import Future
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from pydantic import Field

from ganvas.alpha import straighten
from ganvas.images import Pixels
from ganvas.png import to_png
from ganvas.sampling import SMALLEST_TRUNCATION
from ganvas.settings import Settings
from ganvas.sheets import grid
from ganvas.sizes import StoredSize
from ganvas.studio.downloads import MEDIA_TYPES, SampleRequest, sample_file
from ganvas.studio.places import Places
from ganvas.studio.refusals import NotFoundError
from ganvas.studio.samples import (
    Mixture,
    Result,
    SampleQueue,
    Wanted,
    blocks_for,
    label_at,
    label_names,
    newest_weights,
    taken,
)

FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
NEVER_KEPT = {"Cache-Control": "no-store"}
MOST_IN_A_ROW = 256
SECONDS_TO_LOOK_WHETHER_THE_CLIENT_LEFT = 0.5

Digest = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Seed = Annotated[int, Query(ge=0, lt=2**63)]
Label = Annotated[int | None, Query(ge=0, lt=10**6)]
Truncation = Annotated[float | None, Query(ge=SMALLEST_TRUNCATION, le=100)]
Share = Annotated[float, Query(ge=0, le=1)]


class WeightFacts(Settings):
    """The newest weights of a run, for the addresses of their images."""

    digest: str
    classes: tuple[str, ...]
    size: StoredSize
    channels: int
    images: int
    """Images shown to them in training."""


def add_images(app: FastAPI, places: Places, samples: SampleQueue) -> None:
    """Generated images. An address is a function of weights, label, seed and index: it may be kept for ever."""

    @app.get("/api/runs/{name}/weights")
    def weights(name: str) -> WeightFacts:
        digest = newest_weights(places.run(name)).digest
        sampler = samples.sampler(digest)
        info = sampler.info
        return WeightFacts(
            digest=digest, classes=label_names(sampler), size=info.size, channels=info.channels, images=info.images
        )

    @app.get("/api/weights/{digest}/row.png", response_class=Response)
    async def row(
        request: Request,
        digest: Digest,
        label: Label = None,
        seed: Seed = 0,
        first: Annotated[int, Query(ge=0, le=10**9)] = 0,
        count: Annotated[int, Query(ge=1, le=MOST_IN_A_ROW)] = 10,
        truncation: Truncation = None,
        columns: Annotated[int, Query(ge=1, le=MOST_IN_A_ROW)] = MOST_IN_A_ROW,
    ) -> Response:
        asked = label_at(await asyncio.to_thread(samples.sampler, digest), label)
        blocks = await answered(request, samples, blocks_for(digest, asked, seed, first, count, truncation))
        sheet = grid(taken(blocks, first, count), columns, gap=0)
        return Response(to_png(sheet), media_type="image/png", headers=FOR_EVER)

    @app.get("/api/weights/{digest}/mixture.png", response_class=Response)
    async def mixture(
        request: Request,
        digest: Digest,
        start: Label = None,
        end: Label = None,
        share: Share = 0.0,
        seed: Seed = 0,
        end_seed: Seed = 0,
        seed_share: Share = 0.0,
    ) -> Response:
        sampler = await asyncio.to_thread(samples.sampler, digest)
        first, last = (label_at(sampler, label) for label in (start, end))
        labels = None if first is None or last is None else (first, last)
        mixed = await answered(request, samples, [Mixture(digest, labels, share, (seed, end_seed), seed_share)])
        return Response(to_png(straighten(mixed[0][0])), media_type="image/png", headers=FOR_EVER)

    @app.post("/api/sample", response_class=Response)
    async def sample(request: Request, asked: SampleRequest) -> Response:
        sampler = await asyncio.to_thread(samples.sampler, asked.digest)
        content = await sample_file(sampler, asked, lambda blocks: answered(request, samples, blocks))
        named = f'attachment; filename="samples-seed{asked.seed}.{asked.format}"'
        headers = {**NEVER_KEPT, "Content-Disposition": named}
        return Response(content, media_type=MEDIA_TYPES[asked.format], headers=headers)


async def answered(request: Request, samples: SampleQueue, wanted: list[Wanted]) -> list[Pixels]:
    """What was asked for, once it is generated. The work of a client that leaves is given up."""
    return await kept_promise(request, samples.ask(wanted))


async def kept_promise(request: Request, promise: Future[Result]) -> Result:
    """What a promise gives, unless the client leaves first."""
    waiting = asyncio.wrap_future(promise)
    while not (await asyncio.wait({waiting}, timeout=SECONDS_TO_LOOK_WHETHER_THE_CLIENT_LEFT))[0]:
        if await request.is_disconnected():
            waiting.cancel()
            raise NotFoundError("the client has left")
    return waiting.result()
