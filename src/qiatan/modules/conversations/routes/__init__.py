"""HTTP doors of conversations: for agents and for visitors."""

from fastapi import APIRouter

from qiatan.modules.conversations.routes import agent, customers, desk, supervisor, visitor

router = APIRouter(prefix="/api/v1", tags=["conversations"])
router.include_router(agent.router)
router.include_router(customers.router)
router.include_router(desk.router)
router.include_router(supervisor.router)
router.include_router(visitor.router)

__all__ = ["router"]
