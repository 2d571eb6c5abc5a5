"""The routes of the studio, and what each answers: the door to FastAPI, with `image_routes.py`.

A route reads its values, calls one function of another file and sends what that returns. Every mistake is one sentence
as JSON, {"error": ...}, without paths of this machine.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

import ganvas
from ganvas.console import printable
from ganvas.errors import UserError
from ganvas.film import film_bytes
from ganvas.runs.folder import RunFolder
from ganvas.settings import Settings
from ganvas.studio.config import StudioConfig
from ganvas.studio.dropped import keep_dropped
from ganvas.studio.form import Form, form_of
from ganvas.studio.guard import MOST_UPLOAD_BYTES, Guard
from ganvas.studio.image_routes import FOR_EVER, NEVER_KEPT, add_images
from ganvas.studio.live import LogColumns, follow, log_columns, position_of
from ganvas.studio.page_files import INDEX, page_files
from ganvas.studio.places import Places, is_inside
from ganvas.studio.refusals import NotFoundError
from ganvas.studio.samples import SampleQueue
from ganvas.studio.summaries import RunSummary, Summaries, preview_images, record_facts
from ganvas.studio.trainings import NewTraining, Trainings
from ganvas.studio.work_routes import add_work

CHECKED = {"Cache-Control": "no-cache"}
# A scorecard is a page of its own that may come from elsewhere: it shows images that it holds, and runs nothing.
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
MOST_FRAMES = 300


class RunDetails(Settings):
    """One run."""

    summary: RunSummary
    record: dict[str, Any]
    """As `run.json` has it, without the paths of this machine."""
    charts: tuple[str, ...]
    printed: str
    """What a training that was started here printed last."""


class Name(Settings):
    """The name of what was made."""

    name: str


class SetNames(Settings):
    """What a training may be started on."""

    known: dict[str, str]
    """Sets by name, and what each is."""
    below: tuple[str, ...]
    """Archives and folders below the folder, and sets that were dropped on the page."""


class About(Settings):
    """This studio."""

    version: str
    folder: str


class Studio:
    """What the routes share."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root)
        self.summaries = Summaries(self.places)
        self.trainings = Trainings(self.places)
        self.samples = SampleQueue(self.places)
        self.ending = threading.Event()
        """Set when the server ends: streams of events would hold it up."""


def make_app(root: Path, config: StudioConfig) -> Guard:
    """The application of a folder, behind its guard."""
    studio = Studio(root)
    app = FastAPI(
        title="ganvas studio",
        version=ganvas.__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    add_errors(app, studio)
    add_runs(app, studio)
    add_trainings(app, studio)
    add_watching(app, studio)
    add_images(app, studio.places, studio.samples)
    add_work(app, studio.places, studio.trainings)
    add_page(app, studio)
    return Guard(app, config, studio.ending)


def add_errors(app: FastAPI, studio: Studio) -> None:
    """Answers mistakes in one sentence."""

    def said(status: int, sentence: str) -> JSONResponse:
        return JSONResponse({"error": sentence}, status, NEVER_KEPT | ({"Retry-After": "1"} if status == 503 else {}))

    @app.exception_handler(UserError)
    async def mistake(request: Request, error: UserError) -> Response:
        return said(getattr(error, "http_status", 400), printable(studio.places.without_paths(str(error))))

    @app.exception_handler(RequestValidationError)
    async def wrong_values(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:] if not str(part).isdigit() or len(str(part)) < 4)
        return said(422, printable(f"{place}: {first['msg']}" if place else str(first["msg"]))[:500])

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> Response:
        return said(error.status_code, "there is nothing at this address" if error.status_code == 404 else error.detail)

    @app.exception_handler(Exception)
    async def mistake_of_ours(request: Request, error: Exception) -> Response:
        return said(500, "the studio made a mistake, which its terminal shows")


def add_runs(app: FastAPI, studio: Studio) -> None:
    """The list of runs, and one run."""
    places = studio.places

    @app.get("/api/about")
    def about() -> About:
        return About(version=ganvas.__version__, folder=places.root.name)

    @app.get("/api/runs")
    def runs() -> list[RunSummary]:
        return [*studio.trainings.without_record(), *studio.summaries.all()]

    @app.get("/api/runs/{name}")
    def run(name: str) -> RunDetails:
        folder = places.run(name)
        charts = sorted(path.stem for path in folder.charts.glob("*.png") if is_inside(path, folder.path))
        return RunDetails(
            summary=studio.summaries.one(folder),
            record=record_facts(folder.read()),
            charts=tuple(charts),
            printed=studio.trainings.last_line(name),
        )

    @app.get("/api/runs/{name}/log")
    def log(name: str) -> LogColumns:
        return log_columns(places.run(name))

    @app.get("/api/runs/{name}/previews")
    def previews(name: str) -> list[int]:
        return preview_images(places.run(name))

    @app.get("/api/runs/{name}/previews/{images}.png", response_class=FileResponse)
    def preview(name: str, images: int, v: Annotated[str, Query(max_length=40)] = "") -> Response:
        folder = places.run(name)
        return own_file(folder, folder.previews / f"{images:010d}.png", "image/png", FOR_EVER if v else CHECKED)

    @app.get("/api/runs/{name}/charts/{chart}.png", response_class=FileResponse)
    def chart(name: str, chart: str) -> Response:
        folder = places.run(name)
        return own_file(folder, folder.charts / f"{Path(chart).name}.png", "image/png", CHECKED)

    @app.get("/api/runs/{name}/scorecard", response_class=FileResponse)
    def scorecard(name: str) -> Response:
        folder = places.run(name)
        headers = {**CHECKED, "Content-Security-Policy": SANDBOX}
        return own_file(folder, folder.path / "scorecard.html", "text/html; charset=utf-8", headers)

    @app.get("/api/runs/{name}/film.gif", response_class=Response)
    def film(name: str) -> Response:
        folder = places.run(name)
        found = preview_images(folder)
        kept = found[:: max(1, -(-len(found) // MOST_FRAMES))]
        paths = [folder.previews / f"{images:010d}.png" for images in dict.fromkeys([*kept, *found[-1:]])]
        if not paths or not all(is_inside(path, folder.path) for path in paths):
            raise NotFoundError(f"{name} has no previews yet")
        headers = {**CHECKED, "Content-Disposition": 'attachment; filename="film.gif"'}
        return Response(film_bytes(paths), media_type="image/gif", headers=headers)


def own_file(folder: RunFolder, path: Path, media_type: str, headers: dict[str, str]) -> Response:
    """A file of a run. NotFoundError if it is not there, or a link leads out of the run."""
    if not is_inside(path, folder.path) or not path.is_file():
        raise NotFoundError(f"{folder.path.name} has no such file")
    return FileResponse(path, media_type=media_type, headers=headers)


def add_trainings(app: FastAPI, studio: Studio) -> None:
    """What changes something: start, stop, resume, remove, drop a set."""
    places, trainings = studio.places, studio.trainings

    @app.get("/api/form")
    def form(recipe: Annotated[str, Query(max_length=100)] = "modern") -> Form:
        return form_of(recipe)

    @app.get("/api/sets")
    def sets() -> SetNames:
        from ganvas.data.sources import SOURCES

        known = {name: source.about for name, source in SOURCES.items()}
        return SetNames(known=known, below=tuple(places.sets()))

    @app.post("/api/sets", status_code=201)
    async def drop(request: Request, name: Annotated[str, Query(min_length=1, max_length=120)]) -> Name:
        return Name(name=await keep_dropped(places, name, request.stream(), MOST_UPLOAD_BYTES))

    @app.post("/api/runs", status_code=201)
    def start(asked: NewTraining) -> Name:
        return Name(name=trainings.start(asked))

    @app.post("/api/runs/{name}/stop", status_code=202)
    def stop(name: str) -> Name:
        trainings.stop(places.run(name))
        return Name(name=name)

    @app.post("/api/runs/{name}/resume", status_code=202)
    def resume(name: str) -> Name:
        trainings.resume(places.run(name))
        return Name(name=name)

    @app.delete("/api/runs/{name}")
    def remove(name: str, confirm: Annotated[str, Query(max_length=300)] = "") -> Name:
        trainings.remove(places.run(name), confirm)
        return Name(name=name)


def add_watching(app: FastAPI, studio: Studio) -> None:
    """The stream of what happens in a run."""

    @app.get("/api/runs/{name}/events", response_class=EventSourceResponse)
    async def events(
        name: str,
        after: Annotated[str, Query(max_length=50)] = "",
        last_event_id: Annotated[str, Header(max_length=50)] = "",
    ) -> AsyncIterator[ServerSentEvent]:
        folder = await asyncio.to_thread(studio.places.run, name)
        position = position_of(last_event_id) or position_of(after)
        yield ServerSentEvent(comment="live", retry=1000)
        async for event in follow(folder, studio.summaries, position, studio.ending):
            yield ServerSentEvent(event=event.kind, data=event.data, id=str(event.position))


def add_page(app: FastAPI, studio: Studio) -> None:
    """The page's own files."""
    known = page_files()

    @app.get("/", include_in_schema=False)
    @app.get("/page/{path:path}", include_in_schema=False)
    def page(request: Request, path: str = INDEX) -> Response:
        file = known.get(path)
        if file is None:
            raise NotFoundError("there is nothing at this address")
        headers = {**CHECKED, "ETag": file.etag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.packed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(file.content, media_type=file.media_type, headers=headers)
