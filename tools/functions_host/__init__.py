"""A local host for the Azure Functions Python v2 model.

Runs the very `function_app.py` that Azure runs: HTTP, Service Bus and timer triggers, with the settings,
routing, settlement and shutdown behaviour of the Azure host (docs/reference/local-functions-host.md).
Start it with ``python -m tools.functions_host --root DIR``.
"""
