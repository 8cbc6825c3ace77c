"""The same application as at the root, with the laboratory's job types, and with faults on request."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3]))

import _paths  # noqa: F401, I001

import azure.functions as func

import jobs.registry
import services.registry
from bootstrap import build
from config import Settings
from core.ports import MessageSender
from tools.lab.faults import FaultySender
from tools.lab.jobs import HANDLERS, WORKFLOWS
from tools.lab.settings import LabSettings
from triggers.registration import register

_LAB = LabSettings()


def _sender(real: MessageSender) -> MessageSender:
    if not (_LAB.send_failures or _LAB.duplicates):
        return real
    return FaultySender(real, failures=_LAB.send_failures, duplicates=_LAB.duplicates, seed=_LAB.seed)


app = func.FunctionApp()
register(
    app,
    build(
        Settings(),
        workflows={**jobs.registry.discover(), **WORKFLOWS},
        handlers={**services.registry.discover(), **HANDLERS},
        sender=_sender,
    ),
)
