"""Faults of this module."""

from __future__ import annotations

from qiatan.kit.errors import Fault, InvalidInput, NotFound


class FileNotFound(NotFound):
    """This picture or file is not there any more. Attach it again."""

    code = "file_not_found"


class FileExpired(Fault):
    """Files are kept for seven days, and this one has expired. Ask for it to be sent again."""

    code, status = "file_expired", 410


class UploadMoved(Fault):
    """The upload is at another place. Ask how far it is and go on from there."""

    code, status = "upload_moved", 409


class UploadIncomplete(Fault):
    """The file has not arrived whole. Ask how far it is and send the rest."""

    code, status = "upload_incomplete", 409


class ContentDiffers(InvalidInput):
    """What has arrived is not what was sent, so it was given up. Send the file again."""


class QuotaReached(Fault):
    """You have sent too much for today. Send it later."""

    code, status = "quota_reached", 429
