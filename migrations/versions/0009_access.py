"""Roles as rows, login restriction and its log, second factors, identity providers, audit log, API keys.

Every enterprise gets its two built-in roles, and each account the one it had. An older program does not work beside it, as accounts lose their
column `role`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from qiatan.infra.db.ddl import protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
phase = "after"

_TIME = sa.DateTime(timezone=True)
_NONE = sa.text("'{}'")


def upgrade() -> None:
    _roles()
    _agents()
    _sessions()
    _factors()
    _login_policy()
    _audit()
    _api_keys()


def _roles() -> None:
    op.create_table(
        "roles",
        *_key(),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("builtin", sa.String(10), nullable=True),
        sa.Column("points", sa.ARRAY(sa.Text()), server_default=_NONE, nullable=False),
        sa.Column("requires_two_factor", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_roles"),
        _to_enterprises("roles"),
        sa.CheckConstraint("builtin IN ('admin', 'agent')", name=op.f("ck_roles_builtin")),
    )
    op.create_index("uq_roles_one_per_name", "roles", ["enterprise_id", sa.text("lower(name)")], unique=True)
    op.create_index("uq_roles_builtin", "roles", ["enterprise_id", "builtin"], unique=True, postgresql_where=sa.text("builtin IS NOT NULL"))
    op.create_index("ix_roles_in_order_of_creation", "roles", ["enterprise_id", "created_at", "id"])
    op.execute(
        """
        INSERT INTO roles (enterprise_id, id, name, builtin, created_at)
        SELECT e.id, gen_random_uuid(), CASE b.builtin WHEN 'admin' THEN '管理员' ELSE '普通客服' END, b.builtin, e.created_at
          FROM enterprises e CROSS JOIN (VALUES ('admin'), ('agent')) AS b (builtin)
        """
    )
    protect(op, "roles")


def _agents() -> None:
    op.add_column("agents", sa.Column("staff_number", sa.String(20), server_default="", nullable=False))
    op.add_column("agents", sa.Column("visitor_region_mode", sa.String(10), server_default="all", nullable=False))
    op.add_column("agents", sa.Column("visitor_regions", sa.ARRAY(sa.Text()), server_default=_NONE, nullable=False))
    op.add_column("agents", sa.Column("role_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE agents a SET role_id = r.id, scope_kind = CASE r.builtin WHEN 'admin' THEN 'all' ELSE a.scope_kind END"
        " FROM roles r WHERE r.enterprise_id = a.enterprise_id AND r.builtin = a.role"
    )
    op.alter_column("agents", "role_id", nullable=False)
    op.drop_constraint(op.f("ck_agents_role"), "agents", type_="check")
    op.drop_column("agents", "role")
    op.create_foreign_key("fk_agents_roles", "agents", "roles", ["enterprise_id", "role_id"], ["enterprise_id", "id"])
    op.create_check_constraint(op.f("ck_agents_visitor_region_mode"), "agents", "visitor_region_mode IN ('all', 'only', 'except')")
    op.create_index("ix_agents_by_role", "agents", ["enterprise_id", "role_id"])


def _sessions() -> None:
    op.add_column("sessions", sa.Column("method", sa.String(10), server_default="password", nullable=False))
    op.add_column("sessions", sa.Column("region", sa.String(120), server_default="", nullable=False))
    # Links without the address they were made for could not be checked; who holds one asks for another.
    op.execute("DELETE FROM one_time_links")
    op.add_column("one_time_links", sa.Column("email", sa.String(254), nullable=False))
    op.add_column("one_time_links", sa.Column("made_by", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("ck_one_time_links_purpose"), "one_time_links", type_="check")
    op.create_check_constraint(op.f("ck_one_time_links_purpose"), "one_time_links", "purpose IN ('invitation', 'sign_in', 'reset')")
    op.create_table(
        "challenges",
        *_key(),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_challenges"),
        _to_enterprises("challenges"),
        _to_agents("challenges"),
        sa.CheckConstraint("purpose IN ('second_factor', 'passkey', 'oidc')", name=op.f("ck_challenges_purpose")),
    )
    op.create_index("uq_challenges_token_hash", "challenges", ["token_hash"], unique=True)
    op.create_index("ix_challenges_expiry", "challenges", ["expires_at"])
    op.create_index("ix_challenges_by_agent", "challenges", ["enterprise_id", "agent_id"])
    protect(op, "challenges")


def _factors() -> None:
    op.create_table(
        "totp_secrets",
        *_agent_key(),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("told_steps", sa.ARRAY(sa.BigInteger()), server_default=_NONE, nullable=False),
        sa.Column("tries_until", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id", name="pk_totp_secrets"),
        _to_agents("totp_secrets"),
    )
    op.create_table(
        "passkeys",
        *_key(),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("transports", sa.ARRAY(sa.Text()), server_default=_NONE, nullable=False),
        sa.Column("backed_up", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("challenged_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_passkeys"),
        _to_agents("passkeys"),
    )
    op.create_index("uq_passkeys_credential_id", "passkeys", ["credential_id"], unique=True)
    op.create_index("ix_passkeys_by_agent", "passkeys", ["enterprise_id", "agent_id", "created_at"])
    op.create_table(
        "recovery_codes",
        *_agent_key(),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id", "code_hash", name="pk_recovery_codes"),
        _to_agents("recovery_codes"),
    )
    op.create_table(
        "oidc_providers",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("label", sa.String(60), nullable=False),
        sa.Column("issuer", sa.String(300), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", name="pk_oidc_providers"),
        _to_enterprises("oidc_providers"),
    )
    op.create_table(
        "oidc_identities",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "issuer", "subject", name="pk_oidc_identities"),
        _to_enterprises("oidc_identities"),
        _to_agents("oidc_identities"),
    )
    op.create_index("ix_oidc_identities_by_agent", "oidc_identities", ["enterprise_id", "agent_id"])
    for table in ("totp_secrets", "passkeys", "recovery_codes", "oidc_providers", "oidc_identities"):
        protect(op, table)


def _login_policy() -> None:
    op.create_table(
        "login_policies",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("regions", sa.ARRAY(sa.Text()), server_default=_NONE, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", name="pk_login_policies"),
        _to_enterprises("login_policies"),
    )
    op.create_table(
        "login_policy_roles",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "role_id", name="pk_login_policy_roles"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "role_id"], ["roles.enterprise_id", "roles.id"], name="fk_login_policy_roles_roles", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "trusted_addresses",
        *_key(),
        sa.Column("first", sa.String(64), nullable=False),
        sa.Column("last", sa.String(64), nullable=True),
        sa.Column("note", sa.String(60), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_trusted_addresses"),
        _to_enterprises("trusted_addresses"),
    )
    op.create_table(
        "login_log",
        *_key(),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("region", sa.String(120), nullable=False),
        sa.Column("device", sa.String(120), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(30), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_login_log"),
        _to_enterprises("login_log"),
        _to_agents("login_log"),
    )
    op.create_index("ix_login_log_newest_first", "login_log", ["enterprise_id", "at", "id"])
    op.create_index("ix_login_log_by_agent", "login_log", ["enterprise_id", "agent_id", "at", "id"])
    for table in ("login_policies", "login_policy_roles", "trusted_addresses", "login_log"):
        protect(op, table)


def _audit() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", name="pk_audit_heads"),
        _to_enterprises("audit_heads"),
    )
    op.create_table(
        "audit_log",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor_kind", sa.String(10), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("subject_kind", sa.String(30), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("subject_name", sa.String(254), nullable=True),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "seq", name="pk_audit_log"),
        _to_enterprises("audit_log"),
    )
    op.create_index("ix_audit_log_by_actor", "audit_log", ["enterprise_id", "actor_id", "seq"])
    op.create_index("ix_audit_log_by_subject", "audit_log", ["enterprise_id", "subject_kind", "subject_id", "seq"])
    op.create_index("ix_audit_log_by_action", "audit_log", ["enterprise_id", "action", "seq"])
    op.create_index("ix_audit_log_by_time", "audit_log", ["enterprise_id", "at", "seq"])
    protect(op, "audit_heads")
    protect(op, "audit_log")
    # Whoever gets hold of the program's own database roles can still not rewrite what was done; a trigger stops the owner's slips too.
    op.execute("REVOKE UPDATE, DELETE ON audit_log FROM qiatan_app, qiatan_system")
    op.execute("REVOKE DELETE ON audit_heads FROM qiatan_app, qiatan_system")
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege'; END $$
        """
    )
    op.execute("CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute("CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit_log EXECUTE FUNCTION refuse_change()")


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        *_key(),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("prefix", sa.String(12), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("points", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["enterprise_id", "created_by"], ["agents.enterprise_id", "agents.id"], name="fk_api_keys_agents"),
        sa.CheckConstraint("cardinality(points) > 0", name=op.f("ck_api_keys_points")),
    )
    op.create_index("uq_api_keys_secret_hash", "api_keys", ["secret_hash"], unique=True)
    op.create_index("ix_api_keys_in_order_of_creation", "api_keys", ["enterprise_id", "created_at", "id"])
    protect(op, "api_keys")


def _key() -> tuple[sa.Column[object], ...]:
    return sa.Column("enterprise_id", sa.Uuid(), nullable=False), sa.Column("id", sa.Uuid(), nullable=False)


def _agent_key() -> tuple[sa.Column[object], ...]:
    return sa.Column("enterprise_id", sa.Uuid(), nullable=False), sa.Column("agent_id", sa.Uuid(), nullable=False)


def _to_enterprises(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name=f"fk_{table}_enterprises")


def _to_agents(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], name=f"fk_{table}_agents", ondelete="CASCADE"
    )
