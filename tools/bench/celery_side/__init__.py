"""Celery with Redis, doing the work that the engine is measured with."""
