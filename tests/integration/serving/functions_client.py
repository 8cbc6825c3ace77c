"""Calls the HTTP functions of a blueprint in this process, as the Functions worker does."""

import asyncio
import json
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import azure.functions as func

from tools.functions_host.function_index import index_functions
from tools.functions_host.routing import RouteTable
from triggers.serving.asgi import ServingHost
from triggers.serving.config import ServingConfig
from triggers.serving.routes import blueprint_of

BASE_URL = "https://maps.example.org/gis"


class Answer:
    """What a function answered."""

    def __init__(self, response: func.HttpResponse) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self.body = response.get_body()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return str(self.headers.get("content-type", "")).split(";")[0]


class FunctionsClient:
    """One worker process, in miniature: its own event loop, and with it its own serving app."""

    def __init__(self, config: ServingConfig) -> None:
        self._host = ServingHost(config)
        app = func.FunctionApp()
        app.register_functions(blueprint_of(config, self._host))
        self._routes = RouteTable(index_functions(app), prefix="")
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._host.close())
        self._runner.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("GET", path, headers=headers)

    def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        return self._runner.run(self.answer(method, path, headers=headers, body=body))

    def gather(self, *paths: str) -> list[Answer]:
        """Answers to GET requests that run at the same time."""

        async def together() -> list[Answer]:
            return await asyncio.gather(*(self.answer("GET", path) for path in paths))

        return self._runner.run(together())

    async def answer(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        found = self._routes.match(method, path.partition("?")[0])
        assert found, f"no function serves {method} {path}"
        route, route_params = found
        request = func.HttpRequest(
            method,
            f"http://10.1.2.3:8080{path}",
            headers={"host": "10.1.2.3:8080", "x-forwarded-host": "evil.example"} | dict(headers or {}),
            params=dict(re.findall(r"([^?&=]+)=([^&]*)", path.partition("?")[2])),
            route_params=route_params,
            body=body,
        )
        spec = route.spec
        result = spec.call(
            **{spec.argument_name: request}, **({"context": None} if spec.wants_context else {})
        )
        return Answer(await result if spec.is_async else result)
