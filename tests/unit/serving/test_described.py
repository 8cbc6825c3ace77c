"""What is registered is described: every function over HTTP, and every route of the libraries behind them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import azure.functions as func
import pytest
from fastapi import FastAPI

from bootstrap import build
from config import Settings
from triggers.openapi import openapi_document
from triggers.registration import register
from triggers.serving.features import features_app
from triggers.serving.mosaic_app import mosaics_app
from triggers.serving.rasters import rasters_app, reference_app
from triggers.serving.stac import stac_app
from triggers.serving.tile_alias import tiles_app

BASE = "https://hub.example"
# HEAD goes with GET, OPTIONS with CORS.
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
# Functions that hand on to a library: the second test looks at its routes. The last one answers 404.
HANDED_ON = re.compile(r"/{\*rest}$|^/{\*path}$")
# tipg's and titiler's own viewers, of which ours at / takes the place; the library's health, beside ours.
NOT_FOR_CLIENTS = re.compile(r"/map\.html$|/_mgmt/")


# Nothing listens at these addresses: to register functions is to need nothing.
SETTINGS = {
    "DATABASE_URL": "postgresql://geo_app@127.0.0.1:1/geodata",
    "DATABASE_READER_URL": "postgresql://geo_reader@127.0.0.1:1/geodata",
    "STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true",
    "SERVICE_BUS_CONNECTION": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;",
    "PUBLIC_BASE_URL": BASE,
}


def _shape(path: str) -> str:
    """Without the names of parameters, and without the one that only stands for the empty path."""
    return re.sub(r"{[^}]*}", "{}", path.replace("{ignored:maxlength(0)?}", ""))


@pytest.fixture(scope="module")
def described() -> set[tuple[str, str]]:
    """Method and path, without the names of parameters."""
    paths: Mapping[str, Any] = openapi_document(BASE)["paths"]
    return {(method.upper(), _shape(path)) for path, methods in paths.items() for method in methods}


def test_every_function_over_http_is_described(
    described: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    functions = func.FunctionApp()
    register(functions, build(Settings()))
    triggers = [function.get_trigger() for function in functions.get_functions()]
    routes = {
        (method.value, f"/{trigger.route}")
        for trigger in triggers
        if trigger.type == "httpTrigger"
        for method in trigger.methods
    }
    assert len(routes) > 30
    assert {
        (method, path)
        for method, path in routes
        if method in METHODS and not HANDED_ON.search(path) and (method, _shape(path)) not in described
    } == set()


@pytest.mark.parametrize(
    ("prefix", "make"),
    [
        ("/api/ogc/features", features_app),
        ("/api/cog", rasters_app),
        ("/api/mosaic", mosaics_app),
        ("/api/tiles", tiles_app),
        ("/api/stac", stac_app),
        ("/api", reference_app),
    ],
)
def test_every_route_of_a_library_is_described_and_no_other(
    described: set[tuple[str, str]], prefix: str, make: Callable[[], FastAPI]
) -> None:
    routes = set(_routes(make(), prefix))
    assert {(method, path) for method, path in routes if not NOT_FOR_CLIENTS.search(path)} <= described
    if prefix != "/api":
        assert {(method, path) for method, path in described if path.startswith(f"{prefix}/")} <= routes


def _routes(app: FastAPI, prefix: str) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), _shape(prefix + path)
