"""The built dashboard and the finished report.

Hashed assets never change and are cached for ever; index.html is asked for each time. Files that
the build compressed (`.br`, `.gz`) go out as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response

from trading_api.deps import ServicesDep, get_session
from trading_api.errors import ProblemError

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".map": "application/json",
}
# A report shows words of models and users: it gets no rights in our origin.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:"
)

router = APIRouter(include_in_schema=False)


def find_file(folder: Path, relative: str) -> Path | None:
    """The file below `folder`, or None; never a file outside of it."""
    try:
        found = (folder / relative).resolve(strict=True)
    except (OSError, ValueError):
        return None
    inside = found.is_relative_to(folder.resolve())
    return found if inside and found.is_file() else None


def serve_file(request: Request, path: Path, cache_control: str) -> Response:
    """The file, compressed if the build made such a copy and the client takes it."""
    accepted = request.headers.get("accept-encoding", "")
    names = {part.split(";")[0].strip() for part in accepted.split(",")}
    headers = {"cache-control": cache_control, "vary": "accept-encoding"}
    media_type = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    chosen = path
    for encoding, ending in ENCODINGS:
        packed = path.with_name(path.name + ending)
        if encoding in names and packed.is_file():
            headers["content-encoding"], chosen = encoding, packed
            break
    return FileResponse(chosen, headers=headers, media_type=media_type)


@router.get("/report/{name:path}", dependencies=[Depends(get_session)])
async def report_file(request: Request, services: ServicesDep, name: str) -> Response:
    """A file of the finished report."""
    folder = services.context.settings.report_dir
    found = None if folder is None else find_file(folder, name)
    if found is None:
        raise ProblemError(404, f"the report has no file {name!r}")
    response = serve_file(request, found, REVALIDATE)
    response.headers["content-security-policy"] = REPORT_POLICY
    return response


@router.api_route("/api/{rest:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def unknown_route(rest: str) -> Response:
    """A wrong API path must not answer with the dashboard."""
    raise ProblemError(
        404, f"there is no route /api/{rest}", next_step="GET /api/v1/openapi.json lists them"
    )


@router.api_route("/{name:path}", methods=["GET", "HEAD"])
async def dashboard(
    request: Request, services: ServicesDep, name: Annotated[str, "path below /"]
) -> Response:
    """A file of the dashboard; any page of the application is index.html."""
    folder = services.context.settings.dashboard_dir
    if folder is None or not (folder / "index.html").is_file():
        raise ProblemError(
            404, "the dashboard is not built", next_step="run ./ats demo, which builds it"
        )
    found = find_file(folder, name) if name else None
    if found is not None:
        is_hashed = name.startswith("assets/")
        return serve_file(request, found, IMMUTABLE if is_hashed else REVALIDATE)
    if "." in name.rpartition("/")[2]:
        raise ProblemError(404, f"the dashboard has no file {name!r}")
    return serve_file(request, folder / "index.html", REVALIDATE)
