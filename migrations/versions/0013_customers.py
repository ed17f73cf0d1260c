"""The customer's card: fields, tags, notes, history, blacklist.

`customers.tags` becomes a relation to a catalogue; names that are there become its first tags. The column came with 0010, which no program was
released with alone: one that knows it never runs beside this.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from qiatan.infra.db.ddl import protect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)
_CUSTOMER = ["customers.enterprise_id", "customers.id"]
_AGENT = ["agents.enterprise_id", "agents.id"]
_TAG = ["tags.enterprise_id", "tags.id"]
_KINDS = "kind IN ('customer', 'conversation')"


def upgrade() -> None:
    _catalogue()
    _customers()
    _conversations()
    _notes_and_changes()
    _blacklist()


def _enterprise() -> sa.Column[object]:
    return sa.Column("enterprise_id", sa.Uuid(), nullable=False)


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), nullable=False)


def _version() -> sa.Column[object]:
    return sa.Column("version", sa.Integer(), nullable=False, server_default="1")


def _catalogue() -> None:
    op.create_table(
        "tag_groups",
        _enterprise(),
        _id(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        _version(),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_tag_groups"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_tag_groups_enterprise"),
        sa.CheckConstraint(_KINDS, name=op.f("ck_tag_groups_kind")),
    )
    op.create_index("one_tag_group_per_name", "tag_groups", ["enterprise_id", "kind", "name"], unique=True)
    protect(op, "tag_groups")
    op.create_table(
        "tags",
        _enterprise(),
        _id(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("color", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        _version(),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_tags"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_tags_enterprise"),
        sa.ForeignKeyConstraint(["enterprise_id", "group_id"], ["tag_groups.enterprise_id", "tag_groups.id"], name="fk_tags_group"),
        sa.CheckConstraint(_KINDS, name=op.f("ck_tags_kind")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 30", name=op.f("ck_tags_name_length")),
    )
    op.create_index("one_tag_per_name", "tags", ["enterprise_id", "kind", "name"], unique=True)
    protect(op, "tags")
    op.create_table(
        "customer_fields",
        _enterprise(),
        _id(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("options", ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        _version(),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_customer_fields"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_customer_fields_enterprise"),
        sa.CheckConstraint("kind IN ('text', 'number', 'date', 'choice')", name=op.f("ck_customer_fields_kind")),
    )
    op.create_index("one_customer_field_per_name", "customer_fields", ["enterprise_id", "name"], unique=True)
    protect(op, "customer_fields")


def _customers() -> None:
    op.create_table(
        "customer_tags",
        _enterprise(),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "customer_id", "tag_id", name="pk_customer_tags"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, name="fk_customer_tags_customer", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "tag_id"], _TAG, name="fk_customer_tags_tag", ondelete="CASCADE"),
    )
    op.create_index("customer_tags_by_tag", "customer_tags", ["enterprise_id", "tag_id"])
    protect(op, "customer_tags")
    op.execute(
        """
        INSERT INTO tags (enterprise_id, id, kind, name, color, position, created_at)
        SELECT enterprise_id, gen_random_uuid(), 'customer', name, 'gray',
               row_number() OVER (PARTITION BY enterprise_id ORDER BY name), now()
          FROM (SELECT DISTINCT c.enterprise_id, t.name FROM customers c CROSS JOIN unnest(c.tags) AS t(name)) named
        """
    )
    op.execute(
        """
        INSERT INTO customer_tags (enterprise_id, customer_id, tag_id, at)
        SELECT DISTINCT c.enterprise_id, c.id, g.id, now()
          FROM customers c CROSS JOIN unnest(c.tags) AS t(name)
          JOIN tags g ON g.enterprise_id = c.enterprise_id AND g.kind = 'customer' AND g.name = t.name
        """
    )
    op.drop_column("customers", "tags")
    op.add_column("customers", sa.Column("fields", JSONB(), nullable=False, server_default="{}"))
    op.add_column("customers", sa.Column("phone_key", sa.Text(), nullable=True))
    op.add_column("customers", sa.Column("email_key", sa.Text(), nullable=True))
    # New columns hold nothing yet, so these indexes are made at once.
    op.create_index("customers_by_phone", "customers", ["enterprise_id", "phone_key"], postgresql_where=sa.text("phone_key IS NOT NULL"))
    op.create_index("customers_by_email", "customers", ["enterprise_id", "email_key"], postgresql_where=sa.text("email_key IS NOT NULL"))


def _conversations() -> None:
    op.create_table(
        "conversation_tags",
        _enterprise(),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "conversation_id", "tag_id", name="pk_conversation_tags"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "conversation_id"],
            ["conversations.enterprise_id", "conversations.id"],
            name="fk_conversation_tags_conversation",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["enterprise_id", "tag_id"], _TAG, name="fk_conversation_tags_tag", ondelete="CASCADE"),
    )
    op.create_index("conversation_tags_by_tag", "conversation_tags", ["enterprise_id", "tag_id"])
    protect(op, "conversation_tags")


def _notes_and_changes() -> None:
    op.create_table(
        "customer_changes",
        _enterprise(),
        _id(),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_customer_changes"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, name="fk_customer_changes_customer", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_customer_changes_agent"),
    )
    op.create_index("customer_changes_newest", "customer_changes", ["enterprise_id", "customer_id", "at", "id"])
    protect(op, "customer_changes")
    op.create_table(
        "customer_notes",
        _enterprise(),
        _id(),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=True),
        _version(),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_customer_notes"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, name="fk_customer_notes_customer", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_customer_notes_agent"),
        sa.CheckConstraint("char_length(text) BETWEEN 1 AND 2000", name=op.f("ck_customer_notes_text_length")),
    )
    op.create_index("customer_notes_newest", "customer_notes", ["enterprise_id", "customer_id", "created_at", "id"])
    protect(op, "customer_notes")


def _blacklist() -> None:
    open_only = sa.text("released_at IS NULL")
    op.create_table(
        "customer_blocks",
        _enterprise(),
        _id(),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("address_group", sa.Text(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("released_at", _TIME, nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_customer_blocks"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, name="fk_customer_blocks_customer", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_customer_blocks_agent"),
        sa.ForeignKeyConstraint(["enterprise_id", "released_by"], _AGENT, name="fk_customer_blocks_released_by"),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 200", name=op.f("ck_customer_blocks_reason_length")),
    )
    op.create_index("one_block_per_customer", "customer_blocks", ["enterprise_id", "customer_id"], unique=True, postgresql_where=open_only)
    op.create_index("customer_blocks_by_address", "customer_blocks", ["enterprise_id", "address_group"], postgresql_where=open_only)
    op.create_index("customer_blocks_newest", "customer_blocks", ["enterprise_id", "at", "id"], postgresql_where=open_only)
    protect(op, "customer_blocks")
    op.create_table(
        "blacklist_rules",
        _enterprise(),
        sa.Column("same_address", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", name="pk_blacklist_rules"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_blacklist_rules_enterprise"),
    )
    protect(op, "blacklist_rules")
