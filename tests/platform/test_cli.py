"""The command line: quick to answer, one line for what is wrong, exit codes that scripts can use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.platform.commands import command
from tests.platform.conftest import Hold


def qiatan(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qiatan", *arguments],
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=110,
        check=False,
    )


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    done = qiatan("--help")
    assert done.returncode == 0
    for name in ("serve", "work", "migrate", "user", "audit", "security", "doctor", "openapi"):
        assert f"\n  {name} " in done.stdout
    loaded = "import sys, qiatan.entrypoints.cli; print([n for n in ('sqlalchemy', 'fastapi', 'psycopg', 'structlog') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["serve"], {"PORT": "x"}, "qiatan: PORT: 'x' is not a port: use a number from 1 to 65535\n"),
        (["serve", "--port", "70000"], {}, "qiatan: PORT: '70000' is not a port: use a number from 1 to 65535\n"),
        (["migrate"], {"DATABASE_URL": "mysql://x"}, "qiatan: DATABASE_URL: it must begin with postgresql://"),
        (["work", "--data", "/etc/passwd"], {}, "qiatan: DATA: /etc/passwd is not a directory: name another one\n"),
    ],
)
def test_a_bad_setting_ends_a_start_with_one_line_and_2(arguments: list[str], environment: dict[str, str], message: str) -> None:
    done = qiatan(*arguments, **environment)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_options_win_over_the_environment(tmp_path: Path) -> None:
    done = qiatan("doctor", "--data", str(tmp_path / "given"), DATA="/etc/passwd")
    assert str(tmp_path / "given") in done.stdout


def test_migrate_uses_the_running_server(made: Path, hold: Hold) -> None:
    held = hold(made)
    done = qiatan("migrate", "--data", str(made))
    assert (done.returncode, done.stdout) == (0, "the database is up to date\n"), done.stderr
    with psycopg.connect(held.url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    held.stop()


def test_a_password_is_made_and_shown_once_and_a_given_one_is_not_shown(empty_database: str) -> None:
    make = ["user", "create", "ada@example.com", "--name", "Ada", "--enterprise", "Example"]
    made = command(*make, DATABASE_URL=empty_database)
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.partition("password: ")[2].strip()) >= 16

    change = ["user", "password", "ada@example.com", "--password-stdin"]
    changed = command(*change, text="correct horse 9 battery\n", DATABASE_URL=empty_database)
    assert changed.returncode == 0, changed.stderr
    assert "correct horse" not in changed.stdout + changed.stderr

    unknown = command("user", "password", "nobody@example.com", DATABASE_URL=empty_database)
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("qiatan: email: ")
    assert unknown.stderr.count("\n") == 1
    assert not unknown.stdout


def test_people_are_let_in_again_on_the_command_line(empty_database: str) -> None:
    made = command("user", "create", "ada@example.com", "--name", "Ada", "--enterprise", "Example", DATABASE_URL=empty_database)
    assert made.returncode == 0, made.stderr
    for arguments, said in (
        (["user", "enable", "ada@example.com"], "ada@example.com is on already; nothing was changed\n"),
        (["user", "reset-two-factor", "ada@example.com"], "ada@example.com has no second factor; nothing was changed\n"),
        (["security", "open", "Example"], "the login restriction of Example is off already; nothing was changed\n"),
    ):
        done = command(*arguments, DATABASE_URL=empty_database)
        assert (done.returncode, done.stdout, done.stderr) == (0, said, "")

    link = command("user", "sign-in-link", "ada@example.com", DATABASE_URL=empty_database, PUBLIC_URL="https://talk.example.com")
    assert link.returncode == 0, link.stderr
    assert link.stdout.startswith("https://talk.example.com/app/link#token=")
    unknown = command("user", "sign-in-link", "nobody@example.com", DATABASE_URL=empty_database)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "qiatan: email: No account has the e-mail address nobody@example.com.\n"


def test_an_empty_standard_input_is_no_password(tmp_path: Path) -> None:
    done = qiatan("user", "password", "ada@example.com", "--password-stdin", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "first line" in done.stderr


def test_the_audit_log_is_verified_on_the_command_line(empty_database: str) -> None:
    for name in ("松间", "云上"):
        made = command("user", "create", f"{name}@example.com", "--name", "Ada", "--enterprise", name, DATABASE_URL=empty_database)
        assert made.returncode == 0, made.stderr

    whole = command("audit", "verify", DATABASE_URL=empty_database)
    assert whole.returncode == 0, whole.stderr
    lines = whole.stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["松间", "云上"]
    assert all(": ok, 2 entries, head 2:" in line for line in lines), lines
    head = lines[0].rpartition(" ")[2]

    noted = command("audit", "verify", "--enterprise", "松间", "--head", head, DATABASE_URL=empty_database)
    assert (noted.returncode, noted.stdout) == (0, lines[0] + "\n")
    foreign = command("audit", "verify", "--enterprise", "云上", "--head", head, DATABASE_URL=empty_database)
    assert foreign.returncode == 1
    assert "the head noted earlier (2) is not in this chain" in foreign.stdout

    with psycopg.connect(empty_database) as connection:
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE audit_log SET address = 'x' FROM enterprises e WHERE e.id = enterprise_id AND e.name = '云上' AND seq = 2"
        )
        connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")
    broken = command("audit", "verify", DATABASE_URL=empty_database)
    assert broken.returncode == 1
    assert broken.stdout.splitlines()[0] == lines[0]
    assert broken.stdout.splitlines()[1].endswith(": BROKEN after 1 good entries: entry 2 was changed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--head", "1:" + "0" * 64], "--enterprise"), (["--enterprise", "x", "--head", "1:zz"], "64 hexadecimal digits")],
)
def test_a_head_that_cannot_be_meant_is_refused(arguments: list[str], said: str) -> None:
    done = qiatan("audit", "verify", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not done.stdout


def test_openapi_describes_the_api() -> None:
    done = qiatan("openapi")
    assert done.returncode == 0, done.stderr
    assert '"/api/v1/me"' in done.stdout
