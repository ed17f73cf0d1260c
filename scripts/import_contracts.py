"""A contract for import-linter: modules enter each other by their doors only."""

from __future__ import annotations

from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class DoorsContract(Contract):
    """Another module imports only `doors` of a module; entrypoints may use `entrypoint_doors` too; nobody else comes in.

    Good: `from qiatan.modules.accounts import service` in `qiatan.modules.channels.service`.
    Bad: `from qiatan.modules.accounts.repository import Agents` there. Remedy: ask for it in `accounts/service.py`.
    """

    modules = fields.StringField()
    doors = fields.ListField(subfield=fields.StringField())
    entrypoint_doors = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 -- the signature is import-linter's
        root = str(self.modules)
        inside = {module for module in graph.modules if module.startswith(f"{root}.")}
        broken = [
            (importer, imported)
            for imported in sorted(inside)
            for importer in sorted(graph.find_modules_that_directly_import(imported))
            if not self._allowed(importer, imported, root)
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        doors = ", ".join(_names(self.doors))
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} -> {imported}: use one of its doors ({doors})", bold=False)

    def _allowed(self, importer: str, imported: str, root: str) -> bool:
        owner, _, part = imported.removeprefix(f"{root}.").partition(".")
        if importer == f"{root}.{owner}" or importer.startswith(f"{root}.{owner}."):
            return True
        name = part.partition(".")[0]
        within = importer.startswith(f"{root}.")
        return not part or name in _names(self.doors) or (not within and name in _names(self.entrypoint_doors))


def _names(field: fields.ListField) -> list[str]:
    """What import-linter has put in the place of the declared field when a contract is made."""
    return cast("list[str]", field)
