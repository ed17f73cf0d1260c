"""Handing in mail: the message on the wire, encryption, and which failures are for good."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from qiatan.infra.mail import Mailer, MailFailed, MailRefused
from qiatan.infra.settings import MailSender, SmtpServer
from tests.support.clock import FakeClock
from tests.support.smtp import PASSWORD, SENDER, USER, MailServer, mail_server
from tests.support.web_server import certified

CLOCK = FakeClock()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


async def test_a_message_arrives_with_both_parts(server: MailServer) -> None:
    await Mailer(server.address(), SENDER, CLOCK).send("ming@example.com", "你好 · hello", "正文\n", "<p>正文</p>\n")
    (mail,) = server.delivered
    assert (mail.sender, mail.recipients) == ("noreply@qiatan.test", ["ming@example.com"])
    assert (mail.text, mail.html) == ("正文\n", "<p>正文</p>\n")
    assert (mail.message["Subject"], mail.message["From"], mail.message["To"]) == (
        "你好 · hello",
        "洽谈 <noreply@qiatan.test>",
        "ming@example.com",
    )
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[^<>\s]+@qiatan\.test>", mail.message["Message-ID"])
    assert parsedate_to_datetime(mail.message["Date"]) == CLOCK.now()


async def test_line_breaks_in_names_make_no_headers(server: MailServer) -> None:
    sender = MailSender("洽谈\r\nBcc: all@example.com", "noreply@qiatan.test")
    subject = "Join us\r\nBcc: victim@example.com\r\n\r\n<script>\x00\x85\u2028Reply-To: x@example.com"
    await Mailer(server.address(), sender, CLOCK).send("ming@example.com", subject, "text", "html")
    (mail,) = server.delivered
    assert mail.recipients == ["ming@example.com"]
    assert mail.message["Subject"] == "Join us Bcc: victim@example.com <script> Reply-To: x@example.com"
    assert sorted(mail.message.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
    )


@pytest.mark.parametrize("to", ["ming@example.com\r\nRCPT TO:<x@example.com>", "ming\n@example.com", "ming", "ming@", "@example.com"])
async def test_what_is_no_address_is_refused(server: MailServer, to: str) -> None:
    with pytest.raises(MailRefused):
        await Mailer(server.address(), SENDER, CLOCK).send(to, "subject", "text", "html")
    assert server.delivered == []


@pytest.mark.parametrize("local", ["ming@example.com, x", "<x>", "o'hara+tea", 'a"b'])
async def test_one_recipient_stays_one(server: MailServer, local: str) -> None:
    await Mailer(server.address(), SENDER, CLOCK).send(f"{local}@example.com", "subject", "text", "html")
    (mail,) = server.delivered
    assert [address.domain for address in mail.message["To"].addresses] == ["example.com"]
    assert [recipient.rpartition("@")[2] for recipient in mail.recipients] == ["example.com"]


async def test_addresses_of_other_scripts_are_sent_to(server: MailServer) -> None:
    mailer = Mailer(server.address(), SENDER, CLOCK)
    await mailer.send("ming@例子.测试", "subject", "text", "html")
    await mailer.send("小明@example.com", "subject", "text", "html")
    assert [mail.recipients for mail in server.delivered] == [["ming@xn--fsqu00a.xn--0zwm56d"], ["小明@example.com"]]


async def test_starttls_and_sign_in_come_before_the_message(tmp_path: Path) -> None:
    trust = certified(tmp_path, "127.0.0.1")
    async with mail_server(starttls=trust.server) as server:
        mailer = Mailer(server.address("starttls", signed_in=True), SENDER, CLOCK, tls=trust.client)
        await mailer.send("ming@example.com", "subject", "text", "html")
        (mail,) = server.delivered
        assert (mail.encrypted, mail.user) == (True, USER)

        wrong = SmtpServer("127.0.0.1", server.port, "starttls", USER, PASSWORD + "x")
        with pytest.raises(MailFailed) as failed:
            await Mailer(wrong, SENDER, CLOCK, tls=trust.client).send("ming@example.com", "subject", "text", "html")
        assert PASSWORD not in str(failed.value)
        assert PASSWORD not in repr(wrong)


async def test_nothing_is_said_to_a_server_without_encryption_or_proof(server: MailServer, tmp_path: Path) -> None:
    with pytest.raises(MailFailed):
        await Mailer(server.address("starttls"), SENDER, CLOCK).send("ming@example.com", "subject", "text", "html")
    trust = certified(tmp_path, "127.0.0.1")
    async with mail_server(starttls=trust.server) as unproved:
        with pytest.raises(MailFailed):
            await Mailer(unproved.address("starttls", signed_in=True), SENDER, CLOCK).send("ming@example.com", "subject", "text", "html")
        assert unproved.delivered == []
    assert server.delivered == []


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    trust = certified(tmp_path, "127.0.0.1")
    async with mail_server(tls=trust.server) as server:
        await Mailer(server.address("tls"), SENDER, CLOCK, tls=trust.client).send("ming@example.com", "subject", "text", "html")
        assert len(server.delivered) == 1


@pytest.mark.parametrize(("answer", "kind"), [("550 No such user", MailRefused), ("451 Come back later", MailFailed)])
async def test_what_is_for_good_differs_from_what_is_for_now(server: MailServer, answer: str, kind: type[Exception]) -> None:
    server.refuses = answer
    with pytest.raises(kind, match=answer[4:]) as told:
        await Mailer(server.address(), SENDER, CLOCK).send("ming@example.com", "subject", "text", "html")
    assert type(told.value) is kind


async def test_no_server_and_none_set_are_for_now() -> None:
    with pytest.raises(MailFailed, match=r"127\.0\.0\.1:9 "):
        await Mailer(SmtpServer("127.0.0.1", 9, "plain"), SENDER, CLOCK).send("ming@example.com", "subject", "text", "html")
    unset = Mailer(None, None, CLOCK)
    assert not unset.configured
    with pytest.raises(MailFailed, match="SMTP_URL"):
        await unset.send("ming@example.com", "subject", "text", "html")
