"""Every query of this module."""

from qiatan.modules.routing.repository.presence import RoutingRepository, renew_leases

__all__ = ["RoutingRepository", "renew_leases"]
