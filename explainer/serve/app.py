"""What is served: a list of runs, and of each run the page, how it stands, its facts and its chunks."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from explainer.errors import SummaryReadError
from explainer.report.chunks import as_json
from explainer.report.page import page_of, policy
from explainer.serve.guard import Address, Guard
from explainer.serve.served_run import OtherRowsError, ServedRun
from explainer.serve.shelf import Shelf

_Asked = TypeVar("_Asked")
_RUN = re.compile("[0-9a-f]{16}")
_JSON, _SCRIPT, _HTML = "application/json", "text/javascript", "text/html"
_FROM_SELF = "'self'"
_AGAIN = {"refresh": "2"}  # seconds after which a browser asks again
HEADERS = {
    "content-security-policy": f"{policy(_FROM_SELF)}; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}
"""Of every answer."""


def app_of(shelf: Shelf, address: Address) -> ASGIApp:
    """The app that serves the runs of a shelf at an address."""
    runs = _Runs(shelf)
    routes = [
        Route("/", runs.first),
        Route("/runs.json", runs.listed),
        Route("/runs/{run}/", runs.page),
        Route("/runs/{run}/state.json", runs.status),
        Route("/runs/{run}/run.json", runs.facts),
        Route("/runs/{run}/data/{key:path}.js", runs.chunk),
    ]
    return Guard(_Told(Router(routes, redirect_slashes=False)), address, HEADERS)


class _Told:
    """An app whose refusals are a sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, as ASGI has it."""
        try:
            await self._app(scope, receive, send)
        except HTTPException as error:
            await PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)(scope, receive, send)


class _Runs:
    """The answers. No part of an address is ever a path: runs and chunks are looked up by their keys."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def first(self, request: Request) -> Response:
        """Leads to the newest run, or to the list where there are several."""
        places = _told(self._shelf.places)
        if not places:
            raise HTTPException(404, "There is no run any more.", _AGAIN)
        return RedirectResponse(f"/runs/{places[0].key}/{'#/runs' if len(places) > 1 else ''}", 307)

    def listed(self, request: Request) -> Response:
        return _answer(request, as_json(_told(self._shelf.listed)).encode(), _JSON)

    def page(self, request: Request) -> Response:
        run = self._run(request)
        page = page_of(_told(run.facts, _AGAIN), connect=_FROM_SELF)
        return _answer(request, f"{page.before}{page.after}".encode(), _HTML)

    def status(self, request: Request) -> Response:
        run = self._run(request)
        status = _told(run.status)
        content = {**status, "age": run.age(time.time())}
        return _answer(request, as_json(content).encode(), _JSON, known_by=as_json(status).encode())

    def facts(self, request: Request) -> Response:
        return _answer(request, as_json(_told(self._run(request).facts)).encode(), _JSON)

    def chunk(self, request: Request) -> Response:
        key, edition = request.path_params["key"], request.query_params.get("edition", "")
        run = self._run(request)
        try:
            chunk = _told(lambda: run.chunk(key, edition))
        except OtherRowsError:
            raise HTTPException(409, "the run has other rows now: reload the page") from None
        if chunk is None:
            raise HTTPException(404, "there is no such chunk")
        return _answer(request, chunk, _SCRIPT)

    def _run(self, request: Request) -> ServedRun:
        key = request.path_params["run"]
        run = _told(lambda: self._shelf.opened(key)) if _RUN.fullmatch(key) else None
        if run is None:
            raise HTTPException(404, "there is no such run")
        return run


def _told(ask: Callable[[], _Asked], headers: dict[str, str] | None = None) -> _Asked:
    """What is asked for; what cannot be read is said instead, as gone."""
    try:
        return ask()
    except SummaryReadError as error:
        raise HTTPException(410, str(error), headers) from None


def _answer(request: Request, content: bytes, kind: str, known_by: bytes | None = None) -> Response:
    """An answer, which a browser that has it already does not get again. known_by: what it is compared by."""
    tag = f'"{hashlib.sha256(content if known_by is None else known_by).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache, private"}
    asked = [known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")]
    if tag in asked:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)
