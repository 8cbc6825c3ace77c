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
from tools.lab import jobs as lab_jobs
from tools.lab import stumbling
from tools.lab.crashes import arm_host
from tools.lab.doomed import doomed
from tools.lab.faults import FaultySender
from tools.lab.settings import LabSettings
from triggers.registration import register

_LAB = LabSettings()
arm_host(_LAB)


def _sender(real: MessageSender) -> MessageSender:
    return FaultySender(real, _LAB) if _LAB.is_faulty else real


app = func.FunctionApp()
application = build(
    Settings(),
    workflows={**jobs.registry.discover(), **lab_jobs.WORKFLOWS, **stumbling.WORKFLOWS},
    handlers={**doomed(services.registry.discover()), **lab_jobs.HANDLERS, **stumbling.HANDLERS},
    sender=_sender,
)
register(app, application)
application.announcer.start()
