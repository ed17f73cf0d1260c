"""The HTTP door of accounts."""

from fastapi import APIRouter

from qiatan.modules.accounts.routes import (
    agents,
    api_keys,
    audit,
    enterprise,
    groups,
    invitations,
    oidc,
    own_security,
    password_reset,
    preferences,
    profile,
    regions,
    roles,
    second_factor,
    security,
    sessions,
    view_as,
)

router = APIRouter(prefix="/api/v1", tags=["accounts"])
for part in (
    sessions,
    second_factor,
    profile,
    preferences,
    own_security,
    enterprise,
    agents,
    invitations,
    password_reset,
    groups,
    roles,
    view_as,
    audit,
    api_keys,
    regions,
    security,
    oidc,
):
    router.include_router(part.router)

__all__ = ["router"]
