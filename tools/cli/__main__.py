"""`python -m tools.cli`, as `./dev` calls it."""

from tools.cli.main import main

if __name__ == "__main__":
    main()
