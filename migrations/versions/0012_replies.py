"""Quick replies: entries, groups, how often they are used, and the pictures of rich texts.

Deploy order: before the new code; only new tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from qiatan.infra.db.ddl import protect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)
_AGENT = ["agents.enterprise_id", "agents.id"]


def _enterprise() -> sa.Column[object]:
    return sa.Column("enterprise_id", sa.Uuid(), nullable=False)


def _of_enterprise(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name=f"fk_{table}_enterprises")


def _of_agent(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name=f"fk_{table}_agents", ondelete="CASCADE")


def upgrade() -> None:
    _pictures()
    _replies()
    for table in ("rich_pictures", "rich_picture_holds", "reply_shelves", "reply_groups", "reply_entries", "reply_uses"):
        protect(op, table)


def _pictures() -> None:
    op.create_table(
        "rich_pictures",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uploader_id", sa.Uuid(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("freed_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_rich_pictures"),
        _of_enterprise("rich_pictures"),
        sa.CheckConstraint("size > 0 AND width > 0 AND height > 0", name=op.f("ck_rich_pictures_measures")),
    )
    op.create_index("uq_rich_pictures_id", "rich_pictures", ["id"], unique=True)
    op.create_index("ix_rich_pictures_free", "rich_pictures", ["freed_at"], postgresql_where=sa.text("sent_at IS NULL"))
    op.create_index(
        "ix_rich_pictures_of_uploader", "rich_pictures", ["enterprise_id", "uploader_id"], postgresql_where=sa.text("sent_at IS NULL")
    )
    op.create_table(
        "rich_picture_holds",
        _enterprise(),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("picture_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "holder_id", "picture_id", name="pk_rich_picture_holds"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "picture_id"], ["rich_pictures.enterprise_id", "rich_pictures.id"], name="fk_rich_picture_holds_rich_pictures"
        ),
    )
    op.create_index("ix_rich_picture_holds_of_picture", "rich_picture_holds", ["enterprise_id", "picture_id"])


def _replies() -> None:
    op.create_table(
        "reply_shelves",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_reply_shelves"),
        _of_enterprise("reply_shelves"),
    )
    op.create_table(
        "reply_groups",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_reply_groups"),
        _of_enterprise("reply_groups"),
        _of_agent("reply_groups"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 60", name=op.f("ck_reply_groups_name_length")),
    )
    op.create_index(
        "uq_reply_groups_name", "reply_groups", ["enterprise_id", "agent_id", "name"], unique=True, postgresql_nulls_not_distinct=True
    )
    op.create_table(
        "reply_entries",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document", JSONB(none_as_null=True), nullable=True),
        sa.Column("pinyin", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_reply_entries"),
        _of_enterprise("reply_entries"),
        _of_agent("reply_entries"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "group_id"], ["reply_groups.enterprise_id", "reply_groups.id"], name="fk_reply_entries_reply_groups"
        ),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 100", name=op.f("ck_reply_entries_title_length")),
        sa.CheckConstraint("char_length(text) <= 5000", name=op.f("ck_reply_entries_text_length")),
        sa.CheckConstraint("kind IN ('plain', 'rich')", name=op.f("ck_reply_entries_kind")),
        sa.CheckConstraint("(kind = 'rich') = (document IS NOT NULL)", name=op.f("ck_reply_entries_rich_has_document")),
    )
    op.create_index("ix_reply_entries_of_owner", "reply_entries", ["enterprise_id", "agent_id", "group_id"])
    op.create_table(
        "reply_uses",
        _enterprise(),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("used_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id", "entry_id", name="pk_reply_uses"),
        _of_agent("reply_uses"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "entry_id"],
            ["reply_entries.enterprise_id", "reply_entries.id"],
            name="fk_reply_uses_reply_entries",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_reply_uses_of_entry", "reply_uses", ["enterprise_id", "entry_id"])
