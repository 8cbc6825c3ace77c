"""Vector files as people send them: plain ones, odd ones, and hostile ones.

`CASES` holds them all; each has its expectation beside the function that writes it.
"""

import importlib
import pkgutil

from tests.corpus.vector.case import CASES, Accepted, Case, Door, Refused, Table

__all__ = ["CASES", "Accepted", "Case", "Door", "Refused", "Table"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")  # it adds its cases
