"""What each migration says of itself is true, and decides when it runs."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from qiatan.entrypoints import schema_jobs
from qiatan.entrypoints.cli import schema
from qiatan.infra import logs
from qiatan.infra.db import Database, migrate
from qiatan.infra.db.migrate import OlderProcessLives, Phase, Plan, Step
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from tests.support.postgres import elsewhere

FILES = sorted((migrate.migrations_folder() / "versions").glob("*.py"))

TAKES_AWAY = {"drop_column", "drop_table", "drop_constraint", "drop_index", "rename_table", "alter_column", "batch_alter_table"}
"""Operations after which what an older program does may fail."""
TIGHTENS = {"create_check_constraint", "create_unique_constraint", "create_foreign_key", "create_exclude_constraint"}
"""The same, but on a table that the migration itself has made, which no older program knows."""
HARMLESS = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION.*?\$\$.*?\$\$|\bGRANT\b.*?\bTO\b", re.DOTALL)
"""New functions, which run later, and rights that are given."""
WORDS = re.compile(r"\b(DROP|DELETE|TRUNCATE|RENAME|REVOKE|ALTER\s+TYPE|SET\s+NOT\s+NULL|ALTER\s+COLUMN)\b")

ALLOWED = {
    ("0007", "execute REVOKE append_messages"): "of a function that this migration has made",
    ("0010", "create_check_constraint ck_conversations_grade"): "of a column that this migration has made",
    ("0010", "drop_constraint ck_agent_presence_status"): "it comes back in the next line and lets one word more pass",
    ("0010", "create_check_constraint ck_agent_presence_status"): "it lets pass all that the one before let pass",
    ("0011", "drop_index one_withdrawal_per_message"): "it comes back in the next line, for fewer rows",
    ("0011", "create_index one_withdrawal_per_message"): "for fewer rows than the one before",
    ("0013", "drop_column customers tags"): "it came with 0010, which no program was released with alone",
    ("0014", "alter_column files width"): "it may be empty from now on, which older programs never write",
    ("0014", "alter_column files height"): "it may be empty from now on, which older programs never write",
    ("0014", "drop_constraint ck_files_measures"): "it comes back in the next line, and says the same of pictures",
    ("0014", "create_check_constraint ck_files_measures"): "it says the same of pictures, and older programs write nothing else",
    ("0014", "create_check_constraint ck_files_kind"): "of a column that this migration has made",
    ("0032", "execute DELETE reply_entries"): "a trigger that comes after it and refuses nothing",
}
"""What a `before` migration takes away or tightens all the same, and why no older program minds."""


def _revision(path: Path) -> str:
    return path.name[:4]


def _value(tree: ast.Module, name: str) -> object:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    return None


@pytest.mark.parametrize("path", FILES, ids=_revision)
def test_every_migration_says_when_it_may_run(path: Path) -> None:
    assert _value(ast.parse(path.read_text()), "phase") in ("before", "after")


def test_migrations_are_numbers_in_a_row_and_files_are_named_by_them() -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration("postgresql://"))
    found = [(script.revision, script.down_revision) for script in reversed(list(scripts.walk_revisions()))]

    assert [revision for revision, _ in found] == [_revision(path) for path in FILES]
    assert [former for _, former in found] == [None, *(revision for revision, _ in found[:-1])]


@pytest.mark.parametrize("path", FILES, ids=_revision)
def test_a_before_migration_only_adds(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if _value(tree, "phase") == "after":
        return

    found = {what for what in _risky(tree) if (_revision(path), what) not in ALLOWED}

    assert found == set(), "make it `after`, or say in ALLOWED why no older program minds"


def test_nothing_is_excused_that_is_not_there() -> None:
    there = {(_revision(path), what) for path in FILES for what in _risky(ast.parse(path.read_text()))}

    assert set(ALLOWED) <= there


def _risky(tree: ast.Module) -> Iterator[str]:
    """What in a migration an older program could stumble over."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("op.")]
    made = {words[0] for call in calls if ast.unparse(call.func) == "op.create_table" and (words := _strings(call))}
    for call in calls:
        name, words = ast.unparse(call.func).removeprefix("op."), _strings(call)
        if name in TAKES_AWAY and not (name == "drop_index" and words[1:2] and words[1] in made):
            yield f"{name} {' '.join(words[:1] if name.startswith('drop_') and name != 'drop_column' else words[:2])}"
        if name in TIGHTENS and words[1] not in made:
            yield f"{name} {words[0]}"
        if name == "create_index" and words[1:2] and words[1] not in made and _keyword(call, "unique") == "True":
            yield f"{name} {words[0]}"
        if name == "add_column" and _demanding(call.args[1]):
            yield f"{name} {words[0]}"
    for call in calls:
        if ast.unparse(call.func) == "op.execute":
            statement = _statement(tree, call.args[0])
            for found in WORDS.findall(HARMLESS.sub("", statement)):
                about = re.search(r"\b(?:ON|FROM|TABLE)\s+(?:FUNCTION\s+)?(\w+)", statement)
                yield f"execute {found} {about[1] if about else ''}".strip()


def _strings(call: ast.Call) -> list[str]:
    """Its arguments that are texts, `op.f("name")` among them."""
    inner = [arg.args[0] if isinstance(arg, ast.Call) and ast.unparse(arg.func) in ("op.f", "sa.Column") else arg for arg in call.args]
    return [arg.value for arg in inner if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]


def _keyword(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


def _demanding(column: ast.expr) -> bool:
    """A column that a row written by an older program would lack."""
    return isinstance(column, ast.Call) and _keyword(column, "nullable") == "False" and _keyword(column, "server_default") is None


def _statement(tree: ast.Module, node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        for assigned in tree.body:
            if isinstance(assigned, ast.Assign) and ast.unparse(assigned.targets[0]) == node.id:
                return ast.unparse(assigned.value).replace("\\n", "\n")
    return ast.unparse(node).replace("\\n", "\n")


@pytest.mark.parametrize(
    "statement",
    [
        "op.drop_table('visits')",
        "op.drop_column('agents', 'role')",
        "op.alter_column('agents', 'role_id', nullable=False)",
        "op.rename_table('visits', 'calls')",
        "op.add_column('agents', sa.Column('age', sa.Integer(), nullable=False))",
        "op.create_index('x', 'agents', ['name'], unique=True)",
        "op.create_check_constraint('x', 'agents', 'true')",
        "op.execute('ALTER TABLE agents ALTER COLUMN name SET NOT NULL')",
        "op.execute('DELETE FROM visits')",
    ],
)
def test_the_look_finds_what_takes_away(statement: str) -> None:
    assert list(_risky(ast.parse(statement)))


@pytest.mark.parametrize(
    "statement",
    [
        "op.create_table('new', sa.Column('id', sa.Uuid(), nullable=False))\nop.create_index('x', 'new', ['id'], unique=True)",
        "op.add_column('agents', sa.Column('age', sa.Integer(), nullable=True))",
        "op.add_column('agents', sa.Column('age', sa.Integer(), nullable=False, server_default='1'))",
        "op.create_index('x', 'agents', ['name'])",
        "op.execute('UPDATE agents SET age = 1')",
    ],
)
def test_the_look_lets_pass_what_only_adds(statement: str) -> None:
    assert list(_risky(ast.parse(statement))) == []


PHASES: tuple[Phase, ...] = ("before", "after")
STEPS = st.lists(st.sampled_from(PHASES), max_size=8).map(
    lambda phases: [Step(f"{number:04}", phase) for number, phase in enumerate(phases, start=1)]
)


@given(STEPS, st.integers(0, 9))
def test_a_plan_goes_as_far_as_the_oldest_living_process_lets_it(steps: list[Step], oldest: int) -> None:
    """`oldest` is the last revision that the oldest living program knows; 9 knows all."""

    def older_than(revision: str) -> Sequence[str]:
        return ["0.0.9 on host, process 1"] if f"{oldest:04}" < revision else []

    held = [number for number, step in enumerate(steps) if step.phase == "after" and older_than(step.revision)]
    if held and any(step.phase == "before" for step in steps[held[0] :]):
        with pytest.raises(OlderProcessLives, match=r"0\.0\.9 on host, process 1"):
            migrate.plan(steps, older_than)
        return
    done = migrate.plan(steps, older_than)
    run = [step.revision for step in steps if done.target is not None and step.revision <= done.target]
    assert [*run, *done.waiting] == [step.revision for step in steps]
    assert len(run) == (held[0] if held else len(steps))
    assert bool(done.older) == bool(held)


@given(STEPS)
def test_on_the_operators_word_everything_runs(steps: list[Step]) -> None:
    assert migrate.plan(steps, lambda _: ["somebody"], finish=True) == Plan(steps[-1].revision if steps else None)


@given(STEPS)
def test_what_is_held_is_the_newest_releases_own_and_nothing_that_its_program_needs(steps: list[Step]) -> None:
    done = migrate.plan(steps, lambda _: (), hold=True)

    run = [step for step in steps if done.target is not None and step.revision <= done.target]
    assert [*(step.revision for step in run), *done.waiting] == [step.revision for step in steps]
    assert not run or run[-1].phase == "before"
    assert all(step.phase == "after" for step in steps[len(run) :])


@pytest.fixture
def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations of a later release: one that adds and one that takes away."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = migrate.head()
    for revision, former, phase, line in (
        ("9998", newest, "before", 'op.add_column("visits", sa.Column("weather", sa.Text(), nullable=True))'),
        ("9999", "9998", "after", 'op.drop_column("visits", "screen")'),
    ):
        (folder / "versions" / f"{revision}_later.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision, phase = {revision!r}, {former!r}, {phase!r}\n"
            f"branch_labels = depends_on = None\n\ndef upgrade() -> None:\n    {line}\n"
        )
    monkeypatch.setattr(migrate, "migrations_folder", lambda: folder)
    return folder


def _columns(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'visits'").fetchall()
    return {name for (name,) in rows}


def _of_a_still_later_release(folder: Path) -> None:
    (folder / "versions" / "99991_still_later.py").write_text(
        "from alembic import op\nrevision, down_revision, phase = '99991', '9999', 'before'\nbranch_labels = depends_on = None\n\n"
        "def upgrade() -> None:\n    op.execute('SELECT 1')\n"
    )


def _older_node(url: str, revision: str, *, seen: str = "0 s") -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """INSERT INTO nodes (id, machine, name, version, schema_revision, started_at, seen_at, draining)
               VALUES (%s, 'shop-1', '2', '0.1.0', %s, now(), now() - %s::interval, false)""",
            (uuid4(), revision, seen),
        )


async def test_what_takes_away_waits_for_the_older_process_and_runs_when_it_has_gone(
    empty_database: str, newer_program: Path, resources: Resources
) -> None:
    """Given a database that an older process works on, when the newer program comes, it adds at once and takes away later."""
    newest = max(newer_program.glob("versions/0*.py")).name[:4]
    _older_node(empty_database, newest)

    done = migrate.upgrade(empty_database)

    assert done == Plan("9998", ("9999",), ("0.1.0 on shop-1, process 2",))
    assert {"weather", "screen"} <= _columns(empty_database)
    assert migrate.fits(empty_database)
    assert migrate.waiting(empty_database) == ("9999",)

    database = Database(empty_database, pool_size=1)
    try:
        beside = replace(resources, database=database)
        await schema_jobs.finish.run(beside)
        assert "screen" in _columns(empty_database)

        with psycopg.connect(empty_database) as connection:
            connection.execute("DELETE FROM nodes")
        await schema_jobs.finish.run(beside)
    finally:
        await database.dispose()
    assert "screen" not in _columns(empty_database)
    assert migrate.waiting(empty_database) == ()
    with psycopg.connect(empty_database) as connection:
        steps = connection.execute("SELECT revision, phase FROM schema_steps ORDER BY revision").fetchall()
    assert steps[-2:] == [("9998", "before"), ("9999", "after")]
    assert steps[0] == ("0001", "before")


def test_a_process_that_was_not_seen_for_20_seconds_holds_up_nothing(empty_database: str, newer_program: Path) -> None:
    _older_node(empty_database, "0019", seen="21 s")

    assert migrate.upgrade(empty_database) == Plan("9999")
    assert "screen" not in _columns(empty_database)


def test_on_the_operators_word_it_does_not_wait(empty_database: str, newer_program: Path) -> None:
    _older_node(empty_database, "0019")

    assert migrate.upgrade(empty_database, finish=True) == Plan("9999")


async def test_with_finish_upgrades_off_it_waits_for_the_operators_word(
    empty_database: str, newer_program: Path, resources: Resources
) -> None:
    """Given no older process lives any more, when it is held, the older program can still come back."""
    assert migrate.upgrade(empty_database, hold=True) == Plan("9998", ("9999",))
    assert migrate.fits(empty_database)

    database = Database(empty_database, pool_size=1)
    try:
        held = replace(resources, database=database, settings=replace(resources.settings, finish_upgrades=False))
        await schema_jobs.finish.run(held)
    finally:
        await database.dispose()
    assert {"weather", "screen"} <= _columns(empty_database)
    assert migrate.upgrade(empty_database, hold=True) == Plan(None, ("9999",))

    assert migrate.upgrade(empty_database, hold=True, finish=True) == Plan("9999")
    assert "screen" not in _columns(empty_database)


@pytest.mark.usefixtures("newer_program")
def test_the_command_says_what_it_holds_and_runs_it_when_asked(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "configure", lambda _: None)
    settings = Settings.from_env({"DATABASE_URL": empty_database, "DATA": str(tmp_path / "data"), "FINISH_UPGRADES": "off"})

    assert schema.migrate(settings, finish=False) == (
        "the database is ready for this version; 9999 waits for your word (FINISH_UPGRADES=off): "
        "`qiatan migrate --finish` when the older version is not needed any more"
    )
    assert "screen" in _columns(empty_database)

    assert schema.migrate(settings, finish=True) == "the database is up to date"
    assert "screen" not in _columns(empty_database)


def test_the_next_upgrade_runs_what_the_one_before_held(empty_database: str, newer_program: Path) -> None:
    migrate.upgrade(empty_database, hold=True)
    _of_a_still_later_release(newer_program)
    _older_node(empty_database, "9999")

    assert migrate.upgrade(empty_database, hold=True) == Plan("99991")
    assert "screen" not in _columns(empty_database)


def test_in_an_empty_database_nothing_is_held(postgres_url: str, newer_program: Path) -> None:
    name = f"new_{uuid4().hex}"
    with psycopg.connect(elsewhere(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())

    assert migrate.upgrade(elsewhere(postgres_url, name), hold=True) == Plan("9999")


def test_a_program_of_two_releases_later_is_refused_while_the_first_lives(empty_database: str, newer_program: Path) -> None:
    """What it needs comes after what may not run yet."""
    _of_a_still_later_release(newer_program)
    _older_node(empty_database, "0019")
    before = _columns(empty_database)

    with pytest.raises(OlderProcessLives, match=r"while older processes live \(0\.1\.0 on shop-1, process 2\): stop them"):
        migrate.upgrade(empty_database)

    assert _columns(empty_database) == before


def test_an_older_program_works_beside_a_schema_that_was_only_added_to(empty_database: str, newer_program: Path) -> None:
    """Given the newer program has added, when an older one starts, it may; when the newer one has taken away, it may not."""
    newest = max(newer_program.glob("versions/0*.py")).name[:4]
    _older_node(empty_database, newest)
    migrate.upgrade(empty_database)
    (newer_program / "versions" / "9999_later.py").rename(newer_program / "9999_later.py")
    (newer_program / "versions" / "9998_later.py").rename(newer_program / "9998_later.py")

    assert migrate.head() == newest
    assert migrate.upgrade(empty_database) == Plan(None)
    assert migrate.fits(empty_database)

    (newer_program / "9998_later.py").rename(newer_program / "versions" / "9998_later.py")
    (newer_program / "9999_later.py").rename(newer_program / "versions" / "9999_later.py")
    migrate.upgrade(empty_database, finish=True)
    (newer_program / "versions" / "9999_later.py").unlink()
    (newer_program / "versions" / "9998_later.py").unlink()

    with pytest.raises(migrate.DatabaseTooNew, match=rf"the database is at revision 9999, this Qiatan knows {newest}: start the newer"):
        migrate.upgrade(empty_database)
    assert not migrate.fits(empty_database)


def test_an_older_program_is_refused_where_nobody_noted_the_steps(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("DROP TABLE schema_steps")
    monkeypatch.setattr(migrate, "head", lambda: "0016")

    with pytest.raises(migrate.DatabaseTooNew):
        migrate.upgrade(empty_database)


def test_a_database_of_before_processes_were_listed_is_brought_up_at_once(postgres_url: str) -> None:
    name = f"old_{uuid4().hex}"
    with psycopg.connect(elsewhere(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = elsewhere(postgres_url, name)

    assert migrate.upgrade(url) == Plan(migrate.head())
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT revision FROM schema_steps WHERE phase = 'after' ORDER BY 1").fetchall() == [("0009",), ("0024",)]
