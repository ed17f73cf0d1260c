"""The HTTP door of accounts."""

from fastapi import APIRouter

from qiatan.modules.accounts.routes import agents, enterprise, groups, invitations, profile, sessions

router = APIRouter(prefix="/api/v1", tags=["accounts"])
for part in (sessions, profile, enterprise, agents, invitations, groups):
    router.include_router(part.router)

__all__ = ["router"]
