"""What migrations do to every table: rights for the two roles and row-level security."""

from __future__ import annotations

from typing import Protocol

from qiatan.infra.db.roles import APP, SYSTEM


class Operations(Protocol):
    """Alembic's `op`, as far as it is used here."""

    def execute(self, sqltext: str) -> None: ...


_ENTERPRISE = "(SELECT NULLIF(current_setting('qiatan.enterprise', true), '')::uuid)"


def protect(op: Operations, table: str, *, column: str = "enterprise_id") -> None:
    """Let the application role see one enterprise's rows of a table, and the system role all.

    `column` names the enterprise (it is `id` in `enterprises` itself).
    """
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}, {SYSTEM}")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_enterprise ON {table} TO {APP} USING ({column} = {_ENTERPRISE}) WITH CHECK ({column} = {_ENTERPRISE})")
    op.execute(f"CREATE POLICY all_enterprises ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
