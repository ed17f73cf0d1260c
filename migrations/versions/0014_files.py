"""Files of any kind, and uploads that go on.

Deploy order: before the new code; what is added has defaults, and what is loosened was stricter, so that older processes go on working.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from qiatan.infra.db.ddl import protect

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("files", sa.Column("kind", sa.Text(), nullable=False, server_default="picture"))
    op.add_column("files", sa.Column("risky", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("files", sa.Column("expires_at", _TIME, nullable=True))
    op.add_column("files", sa.Column("emptied_at", _TIME, nullable=True))
    op.alter_column("files", "width", nullable=True)
    op.alter_column("files", "height", nullable=True)
    # The table is read through once under the lock of its other changes; an installation of before this has few pictures.
    op.drop_constraint(op.f("ck_files_measures"), "files")
    op.create_check_constraint(
        op.f("ck_files_measures"),
        "files",
        "size > 0 AND CASE kind WHEN 'picture' THEN coalesce(width > 0 AND height > 0, false) ELSE width IS NULL AND height IS NULL END",
    )
    op.create_check_constraint(op.f("ck_files_kind"), "files", "kind IN ('picture', 'file')")
    op.create_index("ix_files_expiring", "files", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL AND emptied_at IS NULL"))
    op.create_table(
        "uploads",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uploader_kind", sa.Text(), nullable=False),
        sa.Column("uploader_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("parts", ARRAY(sa.Text()), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("cancelled_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_uploads"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_uploads_enterprises"),
        sa.CheckConstraint("uploader_kind IN ('agent', 'customer')", name=op.f("ck_uploads_uploader_kind")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 120", name=op.f("ck_uploads_name_length")),
        sa.CheckConstraint("size > 0 AND received BETWEEN 0 AND size", name=op.f("ck_uploads_measures")),
    )
    op.create_index("ix_uploads_of_uploader", "uploads", ["enterprise_id", "uploader_id", "created_at"])
    op.create_index("ix_uploads_expiring", "uploads", ["expires_at"])
    protect(op, "uploads")
