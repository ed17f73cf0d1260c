"""Every query of this module."""

from qiatan.modules.customers.repository.blocks import BlockRepository, blocked_address, blocked_customer, closed_addresses
from qiatan.modules.customers.repository.cards import CustomerRepository
from qiatan.modules.customers.repository.catalogue import CatalogueRepository
from qiatan.modules.customers.repository.notes import NoteRepository

__all__ = [
    "BlockRepository",
    "CatalogueRepository",
    "CustomerRepository",
    "NoteRepository",
    "blocked_address",
    "blocked_customer",
    "closed_addresses",
]
