"""The command line: quick to answer, one line for what is wrong, exit codes that scripts can use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

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
    for command in ("serve", "work", "migrate", "user", "doctor", "openapi"):
        assert f"\n  {command} " in done.stdout
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
    made = qiatan(*make, DATABASE_URL=empty_database)
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.partition("password: ")[2].strip()) >= 16

    change = ["user", "password", "ada@example.com", "--password-stdin"]
    changed = qiatan(*change, text="correct horse 9 battery\n", DATABASE_URL=empty_database)
    assert changed.returncode == 0, changed.stderr
    assert "correct horse" not in changed.stdout + changed.stderr

    unknown = qiatan("user", "password", "nobody@example.com", DATABASE_URL=empty_database)
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("qiatan: email: ")
    assert unknown.stderr.count("\n") == 1
    assert not unknown.stdout


def test_an_empty_standard_input_is_no_password(tmp_path: Path) -> None:
    done = qiatan("user", "password", "ada@example.com", "--password-stdin", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "first line" in done.stderr


def test_openapi_describes_the_api() -> None:
    done = qiatan("openapi")
    assert done.returncode == 0, done.stderr
    assert '"/api/v1/me"' in done.stdout
