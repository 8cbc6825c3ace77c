"""The `./dev` command."""
