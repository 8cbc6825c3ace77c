"""Parameters and results of task types: what a job type plans with and a handler works on.

They live here because `jobs/` and `services/` are siblings that do not know each other.
"""
