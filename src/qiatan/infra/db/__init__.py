"""PostgreSQL: two roles, one transaction per request or frame, committed here and nowhere else."""

from qiatan.infra.db.among import is_among, is_one_of
from qiatan.infra.db.database import Database
from qiatan.infra.db.direct import DirectConnection
from qiatan.infra.db.tables import Base, TenantRow
from qiatan.infra.db.tx import Tx

__all__ = ["Base", "Database", "DirectConnection", "TenantRow", "Tx", "is_among", "is_one_of"]
