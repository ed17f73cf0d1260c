"""A mark in every text of an enterprise: where it shows up elsewhere, something crossed."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import String, Text, update
from sqlalchemy.exc import DBAPIError

from qiatan.entrypoints.tables import metadata
from qiatan.infra.db import Database

_LEFT = frozenset({"token_hash", "secret_hash", "password_hash"})


async def mark(database: Database, enterprise_id: UUID, canary: str) -> set[str]:
    """Append the canary to every text of the enterprise that allows one; returns the columns that took it."""
    marked = set()
    for name, columns in sorted(metadata.tables.items()):
        owner = "id" if name == "enterprises" else "enterprise_id"
        if owner not in columns.c:
            continue
        for column in columns.c:
            if not isinstance(column.type, String | Text) or column.name in _LEFT:
                continue
            async with database.system() as tx:
                try:
                    async with tx.session.begin_nested():
                        statement = update(columns).where(columns.c[owner] == enterprise_id, column != "").values({column: column + canary})
                        changed = await tx.session.execute(statement)
                except DBAPIError:
                    continue  # a kind, a status, a limit of length: no place for what people write
            if changed.rowcount:  # type: ignore[attr-defined] # the driver's result of an UPDATE has it
                marked.add(f"{name}.{column.name}")
    return marked
