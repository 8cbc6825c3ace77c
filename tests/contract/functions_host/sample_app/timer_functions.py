"""Timers: one by expression, one by interval that takes longer than its interval."""

# mypy: ignore-errors

import time

import azure.functions as func
import trace_file

blueprint = func.Blueprint()

_has_run = False


@blueprint.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%", run_on_startup=True)
async def tick(timer: func.TimerRequest) -> None:
    """Reports each run."""
    trace_file.write("tick", past_due=timer.past_due, status=timer.schedule_status)


@blueprint.timer_trigger(arg_name="timer", schedule="00:00:01", use_monitor=False)
def slow_tick(timer: func.TimerRequest) -> None:
    """Overruns its interval more than twice, the first time it runs."""
    global _has_run
    first, _has_run = not _has_run, True
    trace_file.write("slow_tick_started", past_due=timer.past_due)
    time.sleep(2.6 if first else 0)
    trace_file.write("slow_tick_ended")


@blueprint.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    """Only runs when it is past due."""
    trace_file.write("yearly", past_due=timer.past_due)
