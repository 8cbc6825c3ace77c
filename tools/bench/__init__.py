"""Benchmarks: ratios and rates measured on this machine, never part of the tests."""
