"""The two roles the program works as, and procrastinate's tables.

Runs on an empty database. Where the migrating user may not create roles (some managed PostgreSQL), create `qiatan_app` and
`qiatan_system` (NOLOGIN) beforehand and grant both to that user.
"""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

from qiatan.infra.db.roles import APP, SYSTEM

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    for role in (APP, SYSTEM):
        # Roles belong to the whole server: another database of the same server may have made them, even right now.
        op.execute(
            f"""
            DO $$ BEGIN
                CREATE ROLE {role} NOLOGIN;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
            """
        )
        # From 16 on, whoever creates a role may grant it but not take it on, unless told so.
        op.execute(
            f"""
            DO $$ BEGIN
                IF current_setting('server_version_num')::int >= 160000 THEN
                    IF NOT pg_has_role(current_user, '{role}', 'SET') THEN
                        EXECUTE 'GRANT {role} TO CURRENT_USER WITH SET TRUE';
                    END IF;
                ELSIF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN
                    GRANT {role} TO CURRENT_USER;
                END IF;
            END $$
            """
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(SchemaManager.get_schema().encode())
    for role in (APP, SYSTEM):
        op.execute(
            f"""
            DO $$ DECLARE name text; BEGIN
                FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'procrastinate%' LOOP
                    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {role}', name);
                END LOOP;
                EXECUTE 'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}';
            END $$
            """
        )
