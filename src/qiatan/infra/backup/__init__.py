"""Backups: one tar file with the database, the files and the secret key, checked by its sums and by being brought up again."""

from qiatan.infra.backup.records import Backup, last_backups, last_good_backup

__all__ = ["Backup", "last_backups", "last_good_backup"]
