"""The base of every error that a caller may see.

An error class is its own API document: constant code, HTTP status, and a message that says what to do. The docstring of a
subclass is its message unless the raiser gives a better one.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that was refused: its dotted path, a constant code and a sentence naming the remedy."""

    field: str
    code: str
    message: str


class Fault(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "fault"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: tuple[FieldProblem, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or "").splitlines()[0]
        self.fields = fields
        self.retry_after = retry_after
        super().__init__(self.message)


class BadRequest(Fault):
    """The request cannot be read. Check its form against the API description."""

    code, status = "bad_request", 400


class NotSignedIn(Fault):
    """Sign in first."""

    code, status = "not_signed_in", 401


class NotAllowed(Fault):
    """Your role does not include this. Ask an administrator of your enterprise."""

    code, status = "not_allowed", 403


class ReadOnlyView(Fault):
    """You are looking at the product as somebody else, and nothing can be changed that way. End the view first."""

    code, status = "read_only_view", 403


class TwoFactorRequired(Fault):
    """Your role asks for a second factor. Add an authenticator app or a passkey to go on."""

    code, status = "two_factor_required", 403


class CsrfFailed(Fault):
    """The page is out of date. Reload it and try again."""

    code, status = "csrf_failed", 403


class OriginRefused(Fault):
    """This address may not call us. Open the product at its own address (PUBLIC_URL)."""

    code, status = "origin_refused", 403


class NotFound(Fault):
    """There is nothing here, or you may not see it."""

    code, status = "not_found", 404


class VersionConflict(Fault):
    """Somebody else changed this meanwhile. Load it again and repeat your change."""

    code, status = "version_conflict", 409


class LinkExpired(Fault):
    """This link was used or has expired. Ask for a new one."""

    code, status = "link_expired", 410


class TooLarge(Fault):
    """This is larger than allowed. Send something smaller."""

    code, status = "too_large", 413


class InvalidInput(Fault):
    """Some fields need another value."""

    code, status = "invalid_input", 422

    @classmethod
    def of(cls, field: str, code: str, message: str) -> InvalidInput:
        """The common case of one refused field."""
        return cls(fields=(FieldProblem(field, code, message),))


class TooMany(Fault):
    """Too many tries. Wait a moment."""

    code, status = "too_many", 429


class Busy(Fault):
    """More is asked of the server than it can do at this moment; nothing was changed. Try again in a moment."""

    code, status = "try_again", 503


class StorageFull(Fault):
    """The server's disk is full; nothing was stored. Free space on the data directory's disk, then try again."""

    code, status = "storage_full", 503


class DatabaseUnavailable(Fault):
    """The database does not answer. Try again in a moment; if it fell silent while it stored this, it may be stored already."""

    code, status = "database_unavailable", 503
