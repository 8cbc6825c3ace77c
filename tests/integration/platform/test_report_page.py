"""The report as a page, over HTTP: which form is answered, and that caches keep the forms apart."""

import azure.functions as func
import pytest

from tests.integration.platform.platform_under_test import PlatformUnderTest
from tests.integration.platform.test_http import Client, client_of, content
from tests.unit.platform.problem_shape import problem

ROUTES = ("api/platform/requests/{id}/report", "platform/requests/{id}/report")
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


def ask(client: Client, request_id: str, *, route: str = ROUTES[0], **headers: str) -> func.HttpResponse:
    return client.status(
        request_id, route, **{name.replace("_", "-"): text for name, text in headers.items()}
    )


@pytest.mark.parametrize("route", ROUTES)
def test_browsers_get_the_page(hub: PlatformUnderTest, route: str) -> None:
    request_id = hub.submit().answer.request_id
    hub.run_chain(request_id)
    response = ask(client_of(hub), request_id, route=route, Accept=BROWSER)

    assert (response.status_code, response.mimetype, response.charset) == (200, "text/html", "utf-8")
    assert response.headers["Vary"] == "Accept"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    page = response.get_body().decode()
    assert "1 feature read" in page
    assert f"{request_id}/report?f=json" in page


def test_programs_get_json_and_the_forms_have_etags_of_their_own(hub: PlatformUnderTest) -> None:
    client = client_of(hub)
    request_id = hub.submit().answer.request_id
    as_json, as_page = ask(client, request_id), ask(client, request_id, Accept=BROWSER)

    assert content(as_json, 200)["request_id"] == request_id
    assert as_json.headers["Vary"] == "Accept"
    assert as_json.headers["ETag"] != as_page.headers["ETag"]
    again = ask(client, request_id, Accept=BROWSER, If_None_Match=as_page.headers["ETag"])
    assert (again.status_code, again.headers["Vary"]) == (304, "Accept")
    assert ask(client, request_id, Accept=BROWSER, If_None_Match=as_json.headers["ETag"]).status_code == 200


def test_what_is_accepted_may_be_neither(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    refused = ask(client_of(hub), request_id, Accept="image/png")
    problem(refused, status=406, code="NOT_ACCEPTABLE")


def test_there_is_no_page_of_nothing(hub: PlatformUnderTest) -> None:
    response = ask(client_of(hub), "0" * 32, Accept=BROWSER)
    problem(response, status=404, code="REQUEST_NOT_FOUND")
