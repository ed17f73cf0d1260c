"""HTTP doors of customers."""

from fastapi import APIRouter

from qiatan.modules.customers.routes import blocking, catalogue, widget

router = APIRouter(prefix="/api/v1", tags=["customers"])
router.include_router(catalogue.router)
router.include_router(blocking.router)
router.include_router(widget.router)

__all__ = ["router"]
