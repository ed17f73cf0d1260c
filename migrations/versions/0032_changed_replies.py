"""Quick replies know in which version of their shelf they changed, so that a page that has the rest asks for those alone.

Triggers do it: whoever writes, a process of an earlier release too, makes a new version of the shelf first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None
phase = "before"

_SEEN = "group_id, position, title, text, kind, document, pinyin, initials, version"
"""What a page shows of an entry or searches in it; how often it was used makes no new version."""


def upgrade() -> None:
    op.add_column("reply_entries", sa.Column("changed_in", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        """
        CREATE FUNCTION note_reply_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            SELECT version INTO NEW.changed_in FROM reply_shelves
             WHERE enterprise_id = NEW.enterprise_id AND id = coalesce(NEW.agent_id, NEW.enterprise_id);
            NEW.changed_in := coalesce(NEW.changed_in, 0);
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION note_reply_removal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE reply_shelves SET removed_in = version
             WHERE enterprise_id = OLD.enterprise_id AND id = coalesce(OLD.agent_id, OLD.enterprise_id);
            RETURN NULL;
        END $$
        """
    )
    before, after = (", ".join(f"{row}.{name}" for name in _SEEN.split(", ")) for row in ("OLD", "NEW"))
    op.execute("CREATE TRIGGER note_new BEFORE INSERT ON reply_entries FOR EACH ROW EXECUTE FUNCTION note_reply_change()")
    op.execute(
        f"CREATE TRIGGER note_change BEFORE UPDATE OF {_SEEN} ON reply_entries FOR EACH ROW "
        f"WHEN (({before}) IS DISTINCT FROM ({after})) EXECUTE FUNCTION note_reply_change()"
    )
    op.execute("CREATE TRIGGER note_removal AFTER DELETE ON reply_entries FOR EACH ROW EXECUTE FUNCTION note_reply_removal()")
