"""Claims-based security ($cbs): every token is as good as another on a development machine."""

from tools.servicebus_broker.requests import Request, Response

_NAMES = ("status-code", "status-description", "error-condition")


def answer_cbs(request: Request) -> Response:
    """Accept a token; it is neither read nor kept."""
    if request.operation in ("put-token", "delete-token"):
        return Response(202, "Accepted", names=_NAMES)
    return Response(400, f"unknown operation {request.operation!r}", names=_NAMES)
