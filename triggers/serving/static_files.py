"""Files for browsers, below `static/`; `./dev setup` copies MapLibre GL from npm into `static/vendor/`."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

import azure.functions as func

from core.errors import NotFound

ROOT = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
# Folders without dots: no name leads out of the root.
_NAME = re.compile(r"(?:[\w-]{1,40}/){0,3}[\w-][\w.-]{0,80}", re.ASCII)
_MAP_LIBRARY = ("maplibre-gl.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css")


def has_map_library() -> bool:
    """Whether MapLibre GL is there."""
    return all((ROOT / "vendor" / name).is_file() for name in _MAP_LIBRARY)


def static_answer(req: func.HttpRequest) -> func.HttpResponse:
    """The file that the route parameter `path` names.

    Raises:
        NotFound: there is no such file below `static/`, or none of a type that browsers need.
    """
    content, etag = _read(req.route_params.get("path", ""))
    headers = {"ETag": etag, "Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    if etag in req.headers.get("if-none-match", ""):
        return func.HttpResponse(status_code=304, headers=headers)
    suffix = Path(req.route_params["path"]).suffix
    return func.HttpResponse(content, headers=headers, mimetype=_TYPES[suffix])


def _read(name: str) -> tuple[bytes, str]:
    file = ROOT / name
    if not _NAME.fullmatch(name) or file.suffix not in _TYPES or not file.is_file():
        raise NotFound("There is no such file.")
    return _content(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _content(file: Path, changed_ns: int) -> tuple[bytes, str]:  # noqa: ARG001  the key of a changed file
    content = file.read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
