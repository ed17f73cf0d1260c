"""Where contents lie: on the local disk, or in a bucket that all processes share."""

from __future__ import annotations

from qiatan.infra.storage.base import Storage, StorageUnavailable
from qiatan.infra.storage.local import LocalStorage
from qiatan.infra.storage.s3 import S3Storage

__all__ = ["LocalStorage", "S3Storage", "Storage", "StorageUnavailable"]
