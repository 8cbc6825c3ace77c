"""HTTP functions of every kind."""

# mypy: ignore-errors

import asyncio
import json
import logging
import os
import threading
import time

import azure.functions as func
import trace_file

blueprint = func.Blueprint()


def _seen(req: func.HttpRequest, **more: object) -> str:
    return json.dumps(
        {
            "method": req.method,
            "url": req.url,
            "headers": dict(req.headers),
            "params": dict(req.params),
            "route_params": dict(req.route_params),
            "body": req.get_body().decode("latin-1"),
            **more,
        }
    )


@blueprint.route(route="echo", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """What the host made of the request."""
    return func.HttpResponse(_seen(req), mimetype="application/json")


@blueprint.route(route="items/{id:int}", methods=["GET"])
async def item_by_number(req: func.HttpRequest) -> str:
    """A constrained parameter."""
    return _seen(req, function="item_by_number")


@blueprint.route(route="items/{name}")
async def item_by_name(req: func.HttpRequest) -> str:
    """A parameter that takes any text."""
    return _seen(req, function="item_by_name")


@blueprint.route(route="items/latest")
async def item_latest(req: func.HttpRequest) -> str:
    """A literal where others have parameters."""
    return _seen(req, function="item_latest")


@blueprint.route(route="items/{*rest}")
async def item_rest(req: func.HttpRequest) -> str:
    """Everything below."""
    return _seen(req, function="item_rest")


@blueprint.route(route="tiles/{z:int}/{x:int}/{y:int}.{format}")
async def tile(req: func.HttpRequest) -> str:
    """Two parameters in one segment."""
    return _seen(req, function="tile")


@blueprint.route()
def without_route(req: func.HttpRequest) -> func.HttpResponse:
    """Served under its own name."""
    return func.HttpResponse(status_code=204)


@blueprint.route(route="answer/cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    """Two cookies and a header."""
    response = func.HttpResponse("ok", headers={"X-Own": "1"})
    response.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly")
    response.headers.add("Set-Cookie", "b=2; Max-Age=60")
    return response


@blueprint.route(route="answer/binary", methods=["GET", "HEAD"])
def binary(req: func.HttpRequest) -> func.HttpResponse:
    """Bytes that are no text."""
    return func.HttpResponse(bytes(range(256)), mimetype="image/png", status_code=201)


@blueprint.route(route="fail/raise")
def fail_raise(req: func.HttpRequest) -> func.HttpResponse:
    """A fault."""
    raise ValueError("the secret reason")


@blueprint.route(route="fail/none")
async def fail_none(req: func.HttpRequest) -> func.HttpResponse:
    """No answer at all."""


@blueprint.route(route="fail/dict")
async def fail_dict(req: func.HttpRequest) -> func.HttpResponse:
    """An answer of the wrong type."""
    return {"no": "response"}


@blueprint.route(route="fail/exit")
async def fail_exit(req: func.HttpRequest) -> func.HttpResponse:
    """Ends the worker process."""
    raise SystemExit(9)


@blueprint.route(route="context")
def context_of_call(req: func.HttpRequest, context: func.Context) -> str:
    """The context, and a log record beside it."""
    logging.getLogger("sample").info("inside %s", context.invocation_id)
    return json.dumps(
        {
            "invocation_id": context.invocation_id,
            "function_name": context.function_name,
            "function_directory": context.function_directory,
            "trace_parent": context.trace_context.trace_parent,
            "retry_count": context.retry_context.retry_count,
        }
    )


_running = 0
_guard = threading.Lock()


@blueprint.route(route="pool/sync")
def pool_sync(req: func.HttpRequest) -> str:
    """How many sync calls run at once."""
    global _running
    with _guard:
        _running += 1
        seen = _running
    time.sleep(0.3)
    with _guard:
        _running -= 1
    return str(seen)


@blueprint.route(route="slow")
async def slow(req: func.HttpRequest) -> str:
    """Takes as long as it is told."""
    trace_file.write("slow_started")
    await asyncio.sleep(float(req.params["seconds"]))
    return "done"


@blueprint.route(route="stuck")
def stuck(req: func.HttpRequest) -> str:
    """A sync function that nobody can stop."""
    trace_file.write("stuck_started")
    time.sleep(float(req.params["seconds"]))
    return "done"


@blueprint.route(route="whoami")
def whoami(req: func.HttpRequest) -> str:
    """The process that answers."""
    return str(os.getpid())


@blueprint.route(route="locked/function", auth_level=func.AuthLevel.FUNCTION)
def locked_function(req: func.HttpRequest) -> str:
    """Asks for a function, host or master key."""
    return "open"


@blueprint.route(route="locked/admin", auth_level=func.AuthLevel.ADMIN)
def locked_admin(req: func.HttpRequest) -> str:
    """Asks for the master key."""
    return "open"


@blueprint.route(route="switched/off")
def switched_off(req: func.HttpRequest) -> str:
    """Disabled by an app setting in the tests."""
    return "on"
