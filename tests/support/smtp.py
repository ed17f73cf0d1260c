"""A mail server on loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from qiatan.infra.settings import MailSender, SmtpServer

SENDER = MailSender("洽谈", "noreply@qiatan.test")
USER, PASSWORD = "talk@qiatan.test", "p:w/d@ %"


@dataclass
class Delivered:
    """A message, with what the server was told about it (the envelope) and how it came."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool
    user: str | None

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        content: str = part.get_content()
        return content.replace("\r\n", "\n")

    @property
    def token(self) -> str:
        """The token of the link in the text."""
        found = re.search(r"#token=([\w-]+)", self.text)
        assert found is not None
        return found[1]


@dataclass
class MailServer:
    """`refuses`: what it answers to every recipient, as long as it is set."""

    port: int = 0
    refuses: str | None = None
    delivered: list[Delivered] = field(default_factory=list)

    def address(self, security: Any = "plain", *, signed_in: bool = False) -> SmtpServer:
        credentials = (USER, PASSWORD) if signed_in else (None, None)
        return SmtpServer("127.0.0.1", self.port, security, *credentials)

    def to(self, address: str) -> list[Delivered]:
        return [one for one in self.delivered if address in one.recipients]

    # -- what aiosmtpd calls

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]) -> str:  # noqa: N802 -- the library's name
        if self.refuses is not None:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- the library's name
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        login: bytes = getattr(session.auth_data, "login", b"")
        sender, recipients = envelope.mail_from or "", list(envelope.rcpt_tos)
        self.delivered.append(Delivered(sender, recipients, message, session.ssl is not None, login.decode() or None))
        return "250 Taken"


@asynccontextmanager
async def mail_server(
    *, port: int = 0, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[MailServer]:
    """Listens on 127.0.0.1, on a free port. With `starttls` it takes nothing before encryption and sign-in."""
    running = MailServer()

    def sign_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False, auth_data=data)

    def connection() -> SMTP:
        if starttls is None:
            return SMTP(running, hostname="mail.test", enable_SMTPUTF8=True)
        return SMTP(running, hostname="mail.test", tls_context=starttls, require_starttls=True, auth_required=True, authenticator=sign_in)

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
