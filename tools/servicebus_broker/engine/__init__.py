"""Queues with locks, schedules, dead letters, expiry and duplicate detection, in one SQLite file."""
