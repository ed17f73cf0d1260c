"""Bring a database from any released version to the newest, in one command, with nobody else migrating meanwhile.

Each migration says its `phase`. What is `before` only adds, so an older program works on beside it: it runs at once. What is `after`
takes something away that older programs use: it runs when no older process lives (table `nodes`), at a start or later
(`qiatan.entrypoints.schema_jobs`), or when the operator says so; those of the newest release only then, where FINISH_UPGRADES is off, so
that the way back stays open. A database of before 0017 does not know its processes: there `after`
steps run at once, and older processes must be stopped first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import structlog

import qiatan
from qiatan.infra.db.database import driver_url

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger(__name__)

MINIMUM_VERSION = 150000
DEAD_SECONDS = 20
"""A process whose row in `nodes` is older lives no more."""
# Any constant serves; this one is ours ("qiatan" read as digits of a phone pad).
_MIGRATION_LOCK = 742826

Phase = Literal["before", "after"]


class UnfitDatabase(RuntimeError):
    """This database cannot be used; the message says why and what to do."""


class DatabaseTooOld(UnfitDatabase):
    """The database server is too old."""


class DatabaseTooNew(UnfitDatabase):
    """The database was migrated by a newer Qiatan, which took away what this one needs."""


class OlderProcessLives(UnfitDatabase):
    """A step that this program needs cannot run while processes of an older one live."""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that has not run."""

    revision: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class Plan:
    """How far to migrate now (None: not at all), and what must wait for older processes to end."""

    target: str | None
    waiting: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    """Whom it waits for, in words; nobody where it is held for the operator's word."""


def migrations_folder() -> Path:
    """The migrations: inside the installed package, or beside `src` in a checkout."""
    package = Path(qiatan.__file__).parent
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"


def configuration(url: str) -> Config:
    """Alembic's configuration for a database; importing Alembic costs time and memory that most starts do not need."""
    from alembic.config import Config  # noqa: PLC0415 -- see above

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = driver_url(url)
    return config


def head() -> str:
    """The newest revision this program knows. Revisions are numbers in a row; files are named by them (a test holds that)."""
    return max(path.name.partition("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*_*.py"))


def current(connection: psycopg.Connection[Any]) -> str | None:
    """The revision a database is at; None for an empty one."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def steps_after(revision: str | None) -> list[Step]:
    """The migrations that follow a revision, oldest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 -- see `configuration`

    scripts = ScriptDirectory.from_config(configuration("postgresql://"))
    known = sorted(scripts.walk_revisions(), key=lambda script: script.revision)
    return [Step(script.revision, script.module.phase) for script in known if revision is None or script.revision > revision]


def plan(steps: Sequence[Step], older_than: Callable[[str], Sequence[str]], *, finish: bool = False, hold: bool = False) -> Plan:
    """How far to go. `older_than` names the living processes whose program does not know a revision.

    Steps run in their order. An `after` step that must wait holds up `after` steps only: what this program needs comes before its own.
    `hold`: the `after` steps at the end, which are this program's own, wait for the operator's word.

    Raises:
        OlderProcessLives: an `after` step of an earlier release must wait, and what this program needs comes after it.
    """
    target = None
    for number, step in enumerate(steps):
        older = () if finish or step.phase == "before" else tuple(older_than(step.revision))
        rest = steps[number:]
        if hold and not finish and all(later.phase == "after" for later in rest):
            return Plan(target, tuple(later.revision for later in rest), older)
        if older:
            if any(later.phase == "before" for later in rest):
                raise OlderProcessLives(
                    f"the database cannot be brought to this version while older processes live ({', '.join(older)}): "
                    "stop them, or upgrade them to the release in between first"
                )
            return Plan(target, tuple(later.revision for later in rest), older)
        target = step.revision
    return Plan(target)


def beside(connection: psycopg.Connection[Any], found: str) -> bool:
    """Whether this program may work on the newer schema `found`: only steps that add have been since the last one it knows."""
    if connection.execute("SELECT to_regclass('schema_steps')").fetchone() == (None,):
        return False
    rows = connection.execute("SELECT revision, phase FROM schema_steps WHERE revision > %s", (head(),)).fetchall()
    return found in {revision for revision, _ in rows} and all(phase == "before" for _, phase in rows)


def upgrade(url: str, *, finish: bool = False, hold: bool = False) -> Plan:
    """Migrate as far as can be, and say what waits.

    Waits for another process that is migrating (advisory lock), then finds nothing left to do. A newer schema that was only added to is
    left as it is, with a warning. `finish`: the operator's word that no older process is needed any more; `hold`: to wait for that word. An empty
    database has no way back that could be held open.

    Raises:
        DatabaseTooOld: below PostgreSQL 15; the message names the version found and the remedy.
        DatabaseTooNew: a newer Qiatan has migrated it beyond what this one can work with; nothing was changed.
        OlderProcessLives: see `plan`; nothing was changed.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        version = connection.info.server_version
        if version < MINIMUM_VERSION:
            raise DatabaseTooOld(
                f"PostgreSQL {version // 10000} is too old: 15 or newer is needed. Upgrade the server, "
                "or unset DATABASE_URL to use the embedded PostgreSQL."
            )
        found = current(connection)
        if found == head():
            return Plan(None)
        if found is not None and found > head():
            if not beside(connection, found):
                raise DatabaseTooNew(
                    f"the database is at revision {found}, this Qiatan knows {head()}: start the newer Qiatan that made it so"
                )
            log.warning(
                "database.newer_schema", revision=found, known=head(), note="it was only added to: this older program works beside it"
            )
            return Plan(None)
        connection.execute("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        found = current(connection)
        hold = hold and found is not None
        decided = plan(steps_after(found), lambda revision: older_processes(connection, revision), finish=finish, hold=hold)
        if decided.target is not None:
            _run(url, decided.target)
        if decided.waiting:
            log.info("database.steps_wait", steps=decided.waiting, older=decided.older)
        return decided


def waiting(url: str) -> tuple[str, ...]:
    """The steps of this program that have not run, newest last."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        found = current(connection)
        return () if found is not None and found >= head() else tuple(step.revision for step in steps_after(found))


def fits(url: str) -> bool:
    """Whether this program can work on the database as it is now: all it needs is there, and nothing of it was taken away since."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        found = current(connection)
        if found is None or found == head():
            return found is not None
        return beside(connection, found) if found > head() else all(step.phase == "after" for step in steps_after(found))


def older_processes(connection: psycopg.Connection[Any], revision: str) -> list[str]:
    """The living processes whose program does not know a revision, in words; none where processes are not listed yet."""
    if connection.execute("SELECT to_regclass('nodes')").fetchone() == (None,):
        return []
    rows = connection.execute(
        """SELECT machine, name, version FROM nodes
            WHERE schema_revision < %s AND seen_at > clock_timestamp() - make_interval(secs => %s)
            ORDER BY machine, name LIMIT 20""",
        (revision, DEAD_SECONDS),
    ).fetchall()
    return [f"{version} on {machine}, process {name}" for machine, name, version in rows]


def _run(url: str, target: str) -> None:
    from alembic import command  # noqa: PLC0415 -- see `configuration`

    log.info("database.migrating", to=target)
    command.upgrade(configuration(url), target)
