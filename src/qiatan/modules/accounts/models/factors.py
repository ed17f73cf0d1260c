"""Tables: second factors, and who an identity provider says somebody is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow
from qiatan.modules.accounts.models.people import AGENT


class TotpRow(Base):
    """An authenticator app (RFC 6238). `secret` is encrypted.

    `last_step` is the newest time step a code was taken for; `told_steps` are later ones whose codes are spent, as an answer gave them
    away; `tries_until` is when all tries at its codes will be forgotten.
    """

    __tablename__ = "totp_secrets"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    told_steps: Mapped[list[int]] = mapped_column(ARRAY(BigInteger()), server_default=text("'{}'"))
    tries_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class PasskeyRow(TenantRow, Base):
    """A WebAuthn credential. `challenged_at` is when the challenge of its newest sign-in was made: older ones are replays."""

    __tablename__ = "passkeys"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        Index("uq_passkeys_credential_id", "credential_id", unique=True),
        Index("ix_passkeys_by_agent", "enterprise_id", "agent_id", "created_at"),
    )

    agent_id: Mapped[UUID]
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    name: Mapped[str] = mapped_column(String(60))
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    backed_up: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    challenged_at: Mapped[datetime | None]


class RecoveryCodeRow(Base):
    """A code that stands for the second factor once. Used ones are gone."""

    __tablename__ = "recovery_codes"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class OidcProviderRow(Base):
    """The identity provider of an enterprise (OpenID Connect). `client_secret` is encrypted."""

    __tablename__ = "oidc_providers"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    label: Mapped[str] = mapped_column(String(60))
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    client_secret: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]


class OidcIdentityRow(Base):
    """An agent as the provider knows them. The subject decides, not the e-mail address: addresses change hands."""

    __tablename__ = "oidc_identities"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        Index("ix_oidc_identities_by_agent", "enterprise_id", "agent_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    agent_id: Mapped[UUID]
    created_at: Mapped[datetime]
