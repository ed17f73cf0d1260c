"""The tables of customers: cards, the words they are described with, what was noted, the blacklist."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow

_CUSTOMER = ["customers.enterprise_id", "customers.id"]
_AGENT = ["agents.enterprise_id", "agents.id"]
_TAG = ["tags.enterprise_id", "tags.id"]
_KINDS = "kind IN ('customer', 'conversation')"


class CustomerRow(TenantRow, Base):
    """`phone_key` and `email_key` are the phone's digits and the e-mail in small letters, by which the same contact is found."""

    __tablename__ = "customers"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("char_length(name) BETWEEN 1 AND 60", name="name_length"),
        Index("customers_by_phone", "enterprise_id", "phone_key", postgresql_where=text("phone_key IS NOT NULL")),
        Index("customers_by_email", "enterprise_id", "email_key", postgresql_where=text("email_key IS NOT NULL")),
    )

    name: Mapped[str | None] = mapped_column(Text)
    vip: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    fields: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict, server_default="{}")
    phone_key: Mapped[str | None] = mapped_column(Text)
    email_key: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, default=dict, server_default="{}")
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class TagGroupRow(TenantRow, Base):
    __tablename__ = "tag_groups"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint(_KINDS, name="kind"),
        Index("one_tag_group_per_name", "enterprise_id", "kind", "name", unique=True),
    )

    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    position: Mapped[int]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class TagRow(TenantRow, Base):
    __tablename__ = "tags"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        ForeignKeyConstraint(["enterprise_id", "group_id"], ["tag_groups.enterprise_id", "tag_groups.id"]),
        CheckConstraint(_KINDS, name="kind"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 30", name="name_length"),
        Index("one_tag_per_name", "enterprise_id", "kind", "name", unique=True),
    )

    kind: Mapped[str] = mapped_column(Text)
    group_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(Text)
    color: Mapped[str] = mapped_column(Text)
    position: Mapped[int]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class CustomerTagRow(Base):
    """A tag on a customer."""

    __tablename__ = "customer_tags"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "tag_id"], _TAG, ondelete="CASCADE"),
        Index("customer_tags_by_tag", "enterprise_id", "tag_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    tag_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class FieldRow(TenantRow, Base):
    """A field of an enterprise's own; its values are in `customers.fields` under its id."""

    __tablename__ = "customer_fields"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("kind IN ('text', 'number', 'date', 'choice')", name="kind"),
        Index("one_customer_field_per_name", "enterprise_id", "name", unique=True),
    )

    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    options: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    position: Mapped[int]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class ChangeRow(TenantRow, Base):
    """One change of one field of a card."""

    __tablename__ = "customer_changes"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT),
        Index("customer_changes_newest", "enterprise_id", "customer_id", "at", "id"),
    )

    customer_id: Mapped[UUID]
    agent_id: Mapped[UUID]
    at: Mapped[datetime]
    field: Mapped[str] = mapped_column(Text)
    label: Mapped[str | None] = mapped_column(Text)
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)


class NoteRow(TenantRow, Base):
    """What an agent noted on a customer."""

    __tablename__ = "customer_notes"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT),
        CheckConstraint("char_length(text) BETWEEN 1 AND 2000", name="text_length"),
        Index("customer_notes_newest", "enterprise_id", "customer_id", "created_at", "id"),
    )

    customer_id: Mapped[UUID]
    agent_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class BlockRow(TenantRow, Base):
    """An entry of the blacklist, over when it was released or `expires_at` has passed.

    `conversation_id` points at nothing: conversations lie above this module.
    """

    __tablename__ = "customer_blocks"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_customer_blocks_agent"),
        ForeignKeyConstraint(["enterprise_id", "released_by"], _AGENT, name="fk_customer_blocks_released_by"),
        CheckConstraint("char_length(reason) BETWEEN 1 AND 200", name="reason_length"),
        Index("one_block_per_customer", "enterprise_id", "customer_id", unique=True, postgresql_where=text("released_at IS NULL")),
        Index("customer_blocks_by_address", "enterprise_id", "address_group", postgresql_where=text("released_at IS NULL")),
        Index("customer_blocks_newest", "enterprise_id", "at", "id", postgresql_where=text("released_at IS NULL")),
    )

    customer_id: Mapped[UUID]
    conversation_id: Mapped[UUID | None]
    agent_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(Text)
    address_group: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None]


class BlacklistRulesRow(Base):
    """How the blacklist works, one row an enterprise; none until something was saved."""

    __tablename__ = "blacklist_rules"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    same_address: Mapped[bool]
    version: Mapped[int]
