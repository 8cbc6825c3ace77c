"""`./dev setup`: what a bare machine lacks, and nothing twice.

Runs before there is a virtual environment: the standard library and this package only.
"""
