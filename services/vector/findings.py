"""What is said of a vector file that is accepted."""

from typing import Any

from core.task_models.finding import Finding, Severity


def info(code: str, message: str, *, remedy: str = "", **context: Any) -> Finding:
    """Worth knowing; nothing to do about."""
    return Finding(code=code, severity=Severity.INFO, message=message, remedy=remedy, context=context)


def warning(code: str, message: str, *, remedy: str, **context: Any) -> Finding:
    """Somebody should look at it: the result may not be what was meant."""
    return Finding(code=code, severity=Severity.WARNING, message=message, remedy=remedy, context=context)
