"""Files.

Deploy order: before the new code; it only adds a table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uploader_kind", sa.Text(), nullable=False),
        sa.Column("uploader_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid()),
        sa.Column("client_message_id", sa.Uuid()),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("thumb_blob", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True)),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_files"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_files_enterprises"),
        sa.CheckConstraint("uploader_kind IN ('agent', 'customer')", name=op.f("ck_files_uploader_kind")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 120", name=op.f("ck_files_name_length")),
        sa.CheckConstraint("size > 0 AND width > 0 AND height > 0", name=op.f("ck_files_measures")),
        sa.CheckConstraint(
            "(conversation_id IS NULL) = (attached_at IS NULL) AND (client_message_id IS NULL) = (attached_at IS NULL)",
            name=op.f("ck_files_attached_whole"),
        ),
    )
    unattached = sa.text("attached_at IS NULL")
    op.create_index("ix_files_unattached", "files", ["created_at"], postgresql_where=unattached)
    op.create_index("ix_files_unattached_of_uploader", "files", ["enterprise_id", "uploader_id", "created_at"], postgresql_where=unattached)
    protect(op, "files")
