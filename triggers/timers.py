"""Timers: what was promised and not sent, and what was left lying."""

import azure.functions as func

from triggers.application import Application


def timer_blueprint(app: Application) -> func.Blueprint:
    """Every app sends what the outbox still holds; platform apps keep the house as well."""
    blueprint = func.Blueprint()
    schedules = app.settings.engine

    @blueprint.function_name("sweep_outbox")
    @blueprint.timer_trigger(arg_name="timer", schedule=schedules.sweep_schedule)
    def sweep_outbox(timer: func.TimerRequest) -> None:  # noqa: ARG001
        app.dispatcher.release(app.settings.queues.names.values())
        app.relay.sweep()

    if app.settings.app_mode.is_platform:

        @blueprint.function_name("janitor")
        @blueprint.timer_trigger(arg_name="timer", schedule=schedules.janitor_schedule)
        def janitor(timer: func.TimerRequest) -> None:  # noqa: ARG001
            app.janitor.run()

    return blueprint
