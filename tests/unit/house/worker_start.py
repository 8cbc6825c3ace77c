"""Starts the app as a Functions worker does, in a process of its own: see `test_start.py`.

Arguments: the app's folder, and whether it stands first or last on the import path. Prints one JSON object.
"""

import json
import platform  # as the worker does, before the app is there
import sys
from typing import Any


def _described(function: Any) -> dict[str, Any]:
    trigger = function.get_trigger()
    return {
        "name": function.get_function_name(),
        "type": str(trigger.type),
        "queue": getattr(trigger, "queue_name", None),
        "route": getattr(trigger, "route", None),
        "auth_level": getattr(getattr(trigger, "auth_level", None), "value", None),
    }


def main(root: str, order: str) -> None:
    """Import and index the app."""
    sys.path[:] = [root, *sys.path] if order == "first" else [*sys.path, root]
    import function_app

    functions = [_described(function) for function in function_app.app.get_functions()]
    import platform as platform_now

    found = {
        "functions": functions,
        "modules": sorted({name.partition(".")[0] for name in sys.modules}),
        "file": function_app.__file__,
        "platform_is_untouched": platform_now is platform and bool(platform.system()),
    }
    print(json.dumps(found))


main(*sys.argv[1:])
