"""Checks of `./dev check` that no ready-made program makes: each module is one, run by `python -m`."""
