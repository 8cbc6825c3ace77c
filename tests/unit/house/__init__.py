"""The rules of the house, as tests: what no formatter, linter or import contract can see."""
