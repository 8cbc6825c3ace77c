"""A kind of import contract that import-linter lacks: a list of all that a package may import.

import-linter loads this module before it looks for the packages, so importing `_paths` here lets it find
`geo_platform` too.
"""

import _paths  # noqa: F401, I001  first: puts platform/ on the import path

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyImports(Contract):
    """`modules` import themselves, the standard library and `allowed_imports`, and nothing else.

    Lazy imports count; imports for type checking alone do not where the session excludes them.
    """

    type_name = "only"
    modules: Any = fields.SetField(subfield=fields.ModuleField())
    allowed_imports: Any = fields.SetField(subfield=fields.ModuleField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002  the base's signature
        """Look at every direct import of the modules and of what is below them."""
        allowed = {module.root_package_name for module in self.allowed_imports} | sys.stdlib_module_names
        strays = []
        for package in sorted(module.name for module in self.modules):
            for importer in sorted({package, *graph.find_descendants(package)}):
                for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                    if imported.partition(".")[0] not in allowed | {package}:
                        details = graph.get_import_details(importer=importer, imported=imported)
                        strays.append((importer, imported, details[0]["line_number"]))
        return ContractCheck(kept=not strays, metadata={"strays": strays})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the imports that are not on the list."""
        for importer, imported, line_number in check.metadata["strays"]:
            output.print_error(f"{importer} is not allowed to import {imported} (l.{line_number})")
