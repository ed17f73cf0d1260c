"""The doctor finds what is wrong, says what to do, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qiatan.entrypoints import doctor
from qiatan.entrypoints.doctor import Finding
from tests.platform.conftest import Hold
from tests.support.network import free_port
from tests.support.smtp import mail_server


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def examine(data: Path, port: int, **more: str) -> dict[str, Finding]:
    findings = doctor.examine({"DATA": str(data), "PORT": str(port), **more})
    for finding in findings:
        assert (finding.level == "ok") == (finding.remedy is None), finding
    return {finding.name: finding for finding in findings}


def test_before_the_first_start_nothing_fails_and_nothing_is_made(tmp_path: Path, port: int) -> None:
    data = tmp_path / "data"
    found = examine(data, port)
    assert {name for name, finding in found.items() if finding.level == "fail"} <= {"pages"}
    assert "not made yet" in found["database"].message
    assert not data.exists()


def test_a_port_in_use_names_who_has_it(tmp_path: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    finding = examine(tmp_path, port)["port"]
    assert finding.level == "fail"
    assert f"process {os.getpid()}" in finding.message
    assert "set PORT" in (finding.remedy or "")


@pytest.mark.parametrize(("said", "level"), [(b'{"status":"ok"}', "ok"), (b'{"status":"up"}', "fail"), (b"<h1>It works!</h1>", "fail")])
async def test_with_a_database_elsewhere_the_own_server_is_known_by_its_answer(tmp_path: Path, said: bytes, level: str) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(said), said))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = (await asyncio.to_thread(examine, tmp_path, port, DATABASE_URL="postgresql://u:p@127.0.0.1:1/d"))["port"]

    assert asked == [b"GET /healthz HTTP/1.1\r\n"]
    assert found.level == level
    if level == "ok":
        assert found.message == f"{port} is served by a Qiatan server (process {os.getpid()})"
    else:
        assert f"stop it (kill {os.getpid()})" in (found.remedy or "")


def test_a_bad_setting_is_found(tmp_path: Path) -> None:
    findings = doctor.examine({"DATA": str(tmp_path), "PORT": "x"})
    assert findings[-1].name == "settings"
    assert findings[-1].message.startswith("PORT")
    assert findings[-1].remedy == "use a number from 1 to 65535"
    assert doctor.failed(findings)


def test_a_secret_that_others_can_read_is_found(tmp_path: Path, port: int) -> None:
    key = tmp_path / "secret.key"
    key.write_text("0123456789abcdef" * 4)
    key.chmod(0o644)
    assert examine(tmp_path, port)["secret key"].level == "fail"
    key.chmod(0o600)
    assert examine(tmp_path, port)["secret key"].level == "ok"


def test_little_disk_space_is_found(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_DISK_WARN", 1 << 62)
    assert examine(tmp_path, port)["disk"].level == "warn"
    monkeypatch.setattr(doctor, "_DISK_FAIL", 1 << 62)
    assert examine(tmp_path, port)["disk"].level == "fail"


def test_an_unreachable_database_is_found(tmp_path: Path, port: int) -> None:
    finding = examine(tmp_path, port, DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/d")["database"]
    assert finding.level == "fail"
    assert "hidden" not in str(finding)


def test_a_clock_that_went_back_is_found(tmp_path: Path, port: int) -> None:
    ahead = tmp_path / "file"
    ahead.touch()
    os.utime(ahead, (time.time() + 3600, time.time() + 3600))
    finding = examine(tmp_path, port)["clock"]
    assert finding.level == "warn"
    assert "went back" in finding.message


def test_the_age_of_the_region_data_is_told_and_a_broken_file_found(tmp_path: Path, port: int) -> None:
    told = examine(tmp_path, port)["regions"]
    assert told.level == "ok"
    assert "IPv4 20" in told.message
    assert "ip2region_v6.xdb" in told.message

    (tmp_path / "ip2region_v4.xdb").write_bytes(b"not all of it")

    found = examine(tmp_path, port)["regions"]
    assert found.level == "warn"
    assert "ip2region_v4.xdb: too short" in found.message
    assert "again" in (found.remedy or "")


async def test_a_mail_server_is_tried_without_sending_anything(tmp_path: Path, port: int) -> None:
    async with mail_server() as post:
        mail = {"SMTP_URL": f"smtp://127.0.0.1:{post.port}", "MAIL_FROM": "noreply@example.com"}
        well = await asyncio.to_thread(examine, tmp_path, port, **mail)
        assert (well["mail"].level, post.delivered) == ("ok", [])
    away = await asyncio.to_thread(examine, tmp_path, port, **mail)
    assert away["mail"].level == "warn"
    assert f"127.0.0.1:{post.port}" in away["mail"].message


def test_an_address_without_encryption_is_found(tmp_path: Path, port: int) -> None:
    assert examine(tmp_path, port, PUBLIC_URL="http://talk.example.com")["public url"].level == "warn"
    assert "public url" not in examine(tmp_path, port, PUBLIC_URL="https://talk.example.com")


def test_a_running_server_is_examined_through_its_own_database(made: Path, hold: Hold, port: int) -> None:
    held = hold(made)
    found = examine(made, port)
    assert found["database"].message.startswith("embedded, PostgreSQL 18")
    assert found["migrations"].level == "warn"
    assert "qiatan migrate" in (found["migrations"].remedy or "")
    assert found["clocks"].level == "ok"
    held.stop()


async def test_a_migrated_database_is_well(empty_database: str, tmp_path: Path, port: int) -> None:
    found = await asyncio.to_thread(examine, tmp_path, port, DATABASE_URL=empty_database)
    assert found["migrations"].level == "ok"
    assert found["database"].message.startswith("DATABASE_URL, PostgreSQL")


async def test_the_last_backup_is_told_with_its_age_and_its_end(empty_database: str, tmp_path: Path, port: int) -> None:
    """Given no backup, a good one, and one that failed since, the doctor says so each time; with a schedule an old one is found."""

    async def backups(**more: str) -> Finding:
        return (await asyncio.to_thread(examine, tmp_path, port, DATABASE_URL=empty_database, **more))["backups"]

    def note(age: str, *, error: str | None) -> None:
        with psycopg.connect(empty_database) as connection:
            connection.execute(
                """INSERT INTO backups (id, started_at, ended_at, ok, machine, path, size, error)
                   VALUES (gen_random_uuid(), now() - %s::interval, now(), %s, 'shop-1', '/safe/a.tar', 7, %s)""",
                (age, error is None, error),
            )

    found = await backups()
    assert (found.level, found.message) == ("warn", "there is none")
    note("30 h", error=None)
    found = await backups()
    assert (found.level, found.message) == ("ok", "the last good one is 30 h old (/safe/a.tar on shop-1)")
    found = await backups(BACKUP_AT="03:30 UTC")
    assert (found.level, found.message) == (
        "warn",
        "the last good one is 30 h old (/safe/a.tar on shop-1), older than its schedule (BACKUP_AT 03:30 UTC) allows",
    )
    note("3 h", error="there is no room")
    found = await backups()
    assert found.message == "the last attempt failed 3 h ago (there is no room); the last good one is 30 h old (/safe/a.tar on shop-1)"


def test_the_command_tells_programs_too(tmp_path: Path, listener: socket.socket) -> None:
    command = [sys.executable, "-m", "qiatan", "doctor", "--json", "--data", str(tmp_path), "--port", str(listener.getsockname()[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["ok"] is False
    assert {"name", "level", "message", "remedy"} == set(told["findings"][0])
