"""Every file of the corpus is submitted at once, as a hub does that moves in with its archive."""

from collections.abc import Mapping
from http import HTTPStatus

import pytest
import requests

from core.task_models.vector_export import ExportFormat
from tests.acceptance.hub import Hub
from tests.acceptance.vector_corpus.published import Ended
from tests.corpus.vector import CASES, Accepted, Case

_MINUTES = 20


@pytest.fixture(scope="package")
def corpus(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    """All cases by name, ended one way or the other."""
    directory = tmp_path_factory.mktemp("corpus")
    answers = {}
    for number, case in enumerate(CASES):
        path = directory / str(number) / case.file_name
        path.parent.mkdir()
        case.write(path)
        answers[case.name] = _submit(hub, case, path.read_bytes())
    return {case.name: _ended(hub, case, answers[case.name]) for case in CASES}


def _submit(hub: Hub, case: Case, content: bytes) -> requests.Response:
    options = dict(case.options)
    if isinstance(case.expected, Accepted):
        options["exports"] = [each.value for each in ExportFormat]
    body = hub.body("vector", hub.upload(case.file_name, content), processing_config=options)
    return hub.submit(body)


def _ended(hub: Hub, case: Case, answer: requests.Response) -> Ended:
    if answer.status_code != HTTPStatus.ACCEPTED:
        return Ended(case, {"status": "refused", "error": answer.json()}, {})
    status = hub.wait(answer.json()["status_url"], seconds=60 * _MINUTES)
    report = hub.get(next(link["href"] for link in status["links"] if link["rel"] == "report"))
    return Ended(case, status, report.json())
