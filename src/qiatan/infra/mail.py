"""Sending mail: one message at a time, over the operator's own server."""

from __future__ import annotations

import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, make_msgid

import aiosmtplib

from qiatan.infra import metrics
from qiatan.infra.clock import Clock
from qiatan.infra.settings import MailSender, SmtpServer

SECONDS = 20.0
MAX_SUBJECT = 200


class MailError(Exception):
    """A message was not handed in. The text says why; it holds no secret."""


class MailFailed(MailError):
    """The mail server did not take it now. A later try may bring it through."""


class MailRefused(MailError):
    """The mail server will not take this message, however often it is tried (an answer of 500 and more, RFC 5321 4.2.1)."""


class Mailer:
    """Hands messages to the mail server. Where none is set, `configured` is False and nothing can be sent."""

    def __init__(self, server: SmtpServer | None, sender: MailSender | None, clock: Clock, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._tls = tls
        self.sent_at: datetime | None = None
        """When this process last handed a letter in."""
        self.failed_at: datetime | None = None
        """When the mail server last did not take one."""

    @property
    def configured(self) -> bool:
        return self._server is not None and self._sender is not None

    async def send(self, to: str, subject: str, text: str, html: str) -> None:
        """Hand in a message with both parts.

        Raises:
            MailRefused: for good.
            MailFailed: for now, also when no mail server is set.
        """
        try:
            await self._hand_in(to, subject, text, html)
        except MailError as error:
            # What is wrong with one recipient's address says nothing about the server.
            metrics.MAIL.add("refused" if isinstance(error, MailRefused) else "failed")
            if isinstance(error, MailFailed):
                self.failed_at = self._clock.now()
            raise
        metrics.MAIL.add("sent")
        self.sent_at = self._clock.now()

    async def _hand_in(self, to: str, subject: str, text: str, html: str) -> None:
        if self._server is None or self._sender is None:
            raise MailFailed("no mail server is set: set SMTP_URL and MAIL_FROM")
        message = compose(self._sender, to, subject, text, html, at=self._clock.now())
        try:
            async with self._connection(self._server) as client:
                await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(error.recipients[0].code, error.recipients[0].message) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise _judged(error.code, error.message) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise MailRefused(f"the mail server cannot do what this needs: {error}") from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _unusable(self._server, error) from error

    async def check(self) -> None:
        """Connect, encrypt and sign in as for a message, and leave.

        Raises:
            MailFailed: saying what did not work.
        """
        if self._server is None:
            raise MailFailed("no mail server is set: set SMTP_URL and MAIL_FROM")
        try:
            async with self._connection(self._server) as client:
                await client.noop()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _unusable(self._server, error) from error

    def _connection(self, server: SmtpServer) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=self._tls,
            timeout=SECONDS,
        )


def compose(sender: MailSender, to: str, subject: str, text: str, html: str, *, at: datetime) -> EmailMessage:
    """A message in plain text and HTML. Whatever stands in names, each header stays one line."""
    message = EmailMessage(policy=WIRE)
    domain = sender.address.rpartition("@")[2]
    message["From"] = Address(_line(sender.name), addr_spec=sender.address)
    message["To"] = _recipient(to)
    message["Subject"] = _line(subject)[:MAX_SUBJECT]
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=domain)
    # RFC 3834: nobody's holiday notice is sent back to us.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def _line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _recipient(to: str) -> Address:
    local, _, domain = to.rpartition("@")
    if not local or not domain:
        raise MailRefused(f"{to!r} is no address that mail can be sent to")
    try:
        return Address(username=local, domain=domain if domain.isascii() else domain.encode("idna").decode("ascii"))
    except ValueError as error:
        raise MailRefused(f"{to!r} is no address that mail can be sent to: {error}") from error


def _unusable(server: SmtpServer, error: Exception) -> MailFailed:
    return MailFailed(f"the mail server {server.host}:{server.port} cannot be used: {error}")


def _judged(code: int, said: str) -> MailError:
    kind = MailRefused if 500 <= code < 600 else MailFailed
    return kind(f"the mail server answered {code}: {said}")
