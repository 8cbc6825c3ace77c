"""What a function sees of a request (research: the Azure host's request mapping)."""

import http.client
import json

import pytest

from tests.contract.functions_host.running import RunningHost


def test_route_prefix_is_api_by_default(http_host: RunningHost) -> None:
    assert http_host.get("/api/echo").status == 200
    assert http_host.get("/echo").status == 404


@pytest.mark.parametrize(
    ("path", "function", "route_params"),
    [
        ("/api/items/latest", "item_latest", {}),
        ("/API/Items/LATEST/", "item_latest", {}),
        ("/api/items/17", "item_by_number", {"id": "17"}),
        ("/api/items/Straße", "item_by_name", {"name": "Straße"}),
        ("/api/items/a%2Fb", "item_by_name", {"name": "a%2Fb"}),
        ("/api/items/99999999999", "item_by_name", {"name": "99999999999"}),
        ("/api/items/a/b%20c/d", "item_rest", {"rest": "a/b c/d"}),
        ("/api/items", "item_rest", {}),
        ("/api/tiles/3/4/5.png", "tile", {"z": "3", "x": "4", "y": "5", "format": "png"}),
    ],
)
def test_the_most_specific_route_wins(
    http_host: RunningHost, path: str, function: str, route_params: dict[str, str]
) -> None:
    seen = http_host.get(path.replace("ß", "%C3%9F")).json()
    assert (seen["function"], seen["route_params"]) == (function, route_params)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nowhere"),
        ("GET", "/api/echo/deeper"),
        ("GET", "/api/tiles/3/4/five.png"),
        ("DELETE", "/api/echo"),
        ("OPTIONS", "/api/echo"),
        ("HEAD", "/api/echo"),
    ],
)
def test_an_unmatched_path_or_method_is_404(http_host: RunningHost, method: str, path: str) -> None:
    answer = http_host.request(method, path)
    assert (answer.status, answer.body) == (404, b"")


def test_a_function_without_route_is_served_under_its_name(http_host: RunningHost) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        assert http_host.request(method, "/api/without_route").status == 204


def test_headers_are_lower_case_and_joined(http_host: RunningHost) -> None:
    connection = http.client.HTTPConnection(http_host.address)
    connection.putrequest("GET", "/api/echo")
    connection.putheader("X-Many", "1")
    connection.putheader("x-many", "2")
    connection.endheaders()
    headers = json.loads(connection.getresponse().read())["headers"]
    connection.close()
    assert headers["x-many"] == "1,2"
    assert all(name == name.lower() for name in headers)


def test_query_values_are_joined_and_empty_ones_dropped(http_host: RunningHost) -> None:
    seen = http_host.get("/api/echo?a=1&A=2&empty=&flag&text=gr%C3%BCn+blau").json()
    assert seen["params"] == {"a": "1,2", "text": "grün blau"}


def test_the_url_is_absolute_and_whole(http_host: RunningHost) -> None:
    seen = http_host.get("/api/echo?a=%20", Host="example.org:8080").json()
    assert seen["url"] == "http://example.org:8080/api/echo?a=%20"


def test_a_body_arrives_as_sent(http_host: RunningHost) -> None:
    body = bytes(range(256))
    assert http_host.request("POST", "/api/echo", body=body).json()["body"] == body.decode("latin-1")


def test_a_chunked_body_arrives_empty(http_host: RunningHost) -> None:
    answer = http_host.request("POST", "/api/echo", body=iter([b"one", b"two"]))
    assert answer.json()["body"] == ""
    assert http_host.log("chunked_body_dropped")


def test_a_call_has_a_context_and_its_log_records_carry_the_id(http_host: RunningHost) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    seen = http_host.get("/api/context", traceparent=parent).json()
    assert seen["function_name"] == "context_of_call"
    assert seen["function_directory"] == str(http_host.root)
    assert (seen["trace_parent"], seen["retry_count"]) == (parent, 0)
    lines = [line for line in http_host.log_text().splitlines() if f"inside {seen['invocation_id']}" in line]
    assert len(lines) == 1
    assert f'"invocation_id": "{seen["invocation_id"]}"' in lines[0]


def test_the_log_of_a_call_holds_no_query(http_host: RunningHost) -> None:
    http_host.get("/api/echo?code=very-secret")
    assert "very-secret" not in http_host.log_text()
    executed = [line["message"] for line in http_host.log("function_executed")]
    assert any("GET /api/echo -> 200" in message for message in executed)
