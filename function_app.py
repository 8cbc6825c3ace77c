"""The Azure Functions app: one package, and `APP_MODE` says which triggers it listens on."""

import _paths  # noqa: F401, I001  first: puts platform/ on the import path

import azure.functions as func

from bootstrap import build
from config import Settings
from core import task_log
from triggers.registration import register

settings = Settings()
task_log.install(settings.app_mode.app_name)
app = func.FunctionApp(http_auth_level=func.AuthLevel(settings.platform.http_auth_level))
application = build(settings)
register(app, application)
application.announcer.start()
