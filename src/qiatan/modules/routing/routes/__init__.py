"""HTTP doors of routing."""

from fastapi import APIRouter

from qiatan.modules.routing.routes import attendance, decisions, presence, queue, settings, transfers, visitor

router = APIRouter(prefix="/api/v1", tags=["routing"])
router.include_router(presence.router)
router.include_router(transfers.router)
router.include_router(queue.router)
router.include_router(decisions.router)
router.include_router(settings.router)
router.include_router(attendance.router)
router.include_router(visitor.router)

__all__ = ["router"]
