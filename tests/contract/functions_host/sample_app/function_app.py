"""The app that the contract tests run: one blueprint per kind of trigger.

Each call is written as a JSON line to the file that TRACE_FILE names, which is how the tests see it.
"""

# mypy: ignore-errors

import logging
import os
from pathlib import Path

import azure.functions as func
import trace_file
from http_functions import blueprint as http_blueprint
from message_functions import blueprint as message_blueprint
from timer_functions import blueprint as timer_blueprint

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(http_blueprint)
if os.environ.get("QUEUE_PREFIX"):
    app.register_functions(message_blueprint)
if os.environ.get("TICK_SCHEDULE"):
    app.register_functions(timer_blueprint)

logging.getLogger("sample").info("imported")
trace_file.write("import", cwd=str(Path.cwd()), environment=dict(os.environ))
