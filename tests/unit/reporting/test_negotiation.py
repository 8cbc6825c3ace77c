"""Which form of the report is answered."""

import azure.functions as func
import pytest

from core.errors import InvalidRequest
from triggers.reporting.negotiation import wanted_form

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def ask(accept: str | None = None, **query: str) -> func.HttpRequest:
    headers = {} if accept is None else {"Accept": accept}
    return func.HttpRequest("GET", "http://localhost/", headers=headers, params=query, body=b"")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        (CHROME, "html"),
        ("text/html", "html"),
        ("text/*", "html"),
        ("TEXT/HTML;charset=utf-8", "html"),
        ("application/json", "json"),
        ("application/json, text/html", "json"),
        ("application/json;q=0.5, text/html;q=0.6", "html"),
        ("text/html;q=0, */*", "json"),
        ("*/*, application/json;q=0.1", "html"),
        ("text/html;q=high, application/json;q=0.1", "json"),
    ],
)
def test_accept_decides(accept: str | None, expected: str) -> None:
    assert wanted_form(ask(accept)) == expected


@pytest.mark.parametrize("form", ["json", "html"])
def test_f_goes_before_accept(form: str) -> None:
    assert wanted_form(ask("image/png", f=form)) == form


@pytest.mark.parametrize("accept", ["image/png", "text/html;q=0, application/json;q=0"])
def test_what_takes_neither_is_refused(accept: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        wanted_form(ask(accept))
    assert refused.value.code == "NOT_ACCEPTABLE"


def test_another_form_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="f: must be one of json, html"):
        wanted_form(ask(f="pdf"))
