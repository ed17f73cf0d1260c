"""Every query of this module."""

from qiatan.modules.routing.repository.presence import RoutingRepository, close_pages_besides, close_pages_of, online_in, renew_leases

__all__ = ["RoutingRepository", "close_pages_besides", "close_pages_of", "online_in", "renew_leases"]
