"""What linters cannot see: guards, file names and sizes, who reads clocks, who commits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.realtime.doors import Frame, FrameDoor
from qiatan.infra.resources import Resources
from tests.support.routes import every_route

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "src" / "qiatan"
LIMIT = 500

MODULE_FILES = {
    "__init__",
    "contracts",
    "events",
    "errors",
    "permissions",
    "models",
    "repository",
    "rules",
    "service",
    "routes",
    "realtime",
    "subscribers",
    "jobs",
}
MORE_FILES = {
    # Hashing passwords and making random tokens are neither decisions (they draw randomness) nor use cases.
    "accounts": {"passwords", "tokens"},
}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.monotonic", "uuid4", "uuid.uuid4", "uuid1"}


def _python(*folders: Path) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            yield path, ast.parse(path.read_text(), str(path))


def test_every_route_has_exactly_one_guard() -> None:
    routes = every_route()

    assert len(routes) > 50
    assert {route.name: [guard.label for guard in route.guards] for route in routes if len(route.guards) != 1} == {}


def test_every_guarded_point_is_in_the_catalogue() -> None:
    labels = {route.guards[0].label for route in every_route()}
    points = {label for label in labels if re.fullmatch(r"[a-z_]+\.[a-z_]+", label)}

    assert points <= {point.name for point in CATALOGUE}
    assert len({point.name for point in CATALOGUE}) == len(CATALOGUE)


async def test_every_frame_says_who_may_send_it(resources: Resources) -> None:
    from qiatan.entrypoints.entrance import Hello
    from qiatan.entrypoints.gateway import Gateway

    doors = Gateway(resources).doors
    resources.database.listeners.clear()

    assert {frame for frame in _subclasses(Frame) if frame is not Hello} == set(doors)
    for frame, door in doors.items():
        assert isinstance(door, FrameDoor)
        assert door.frame is frame
        assert door.visitors or door.agents is not None, frame
        assert door.agents in (None, "every") or door.agents in CATALOGUE, frame


def _subclasses(kind: type[Frame]) -> set[type[Frame]]:
    return {inner for child in kind.__subclasses__() for inner in ({child} | _subclasses(child))}


def test_files_stay_readable() -> None:
    folders = {"src": (".py",), "tests": (".py",), "migrations": (".py",), "scripts": (".py",), "bench": (".py",)}
    web = {"web/apps": (".ts", ".vue", ".css", ".js"), "web/packages": (".ts", ".vue", ".css", ".js"), "web/stories": (".ts", ".vue")}
    generated = {"schema.d.ts", "api.d.ts", "openapi.d.ts"}
    sizes = {
        path.relative_to(ROOT): len(path.read_text().splitlines())
        for folder, kinds in (folders | web).items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in kinds and "node_modules" not in path.parts and "pages" not in path.parts and "dist" not in path.parts
        if path.name not in generated
    }

    assert {path: lines for path, lines in sizes.items() if lines > LIMIT} == {}


@pytest.mark.parametrize("module", sorted(path.name for path in (SERVER / "modules").iterdir() if (path / "__init__.py").exists()))
def test_modules_have_the_same_files_and_no_others(module: str) -> None:
    found = {path.stem for path in (SERVER / "modules" / module).iterdir() if path.name != "__pycache__"}

    assert found <= MODULE_FILES | MORE_FILES.get(module, set())


def test_decisions_and_helpers_read_no_clock_and_draw_no_luck() -> None:
    pure = [SERVER / "kit"]
    names = ("rules", "contracts", "events", "errors", "permissions")
    found = []
    for path, tree in _python(*pure, SERVER / "modules"):
        parts = path.relative_to(SERVER).with_suffix("").parts
        if parts[0] != "kit" and (len(parts) < 3 or parts[2] not in names):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in CLOCKS:
                found.append(f"{path}:{node.lineno} {ast.unparse(node.func)}")
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
                seeded = isinstance(node, ast.ImportFrom) and [alias.name for alias in node.names] == ["Random"]
                found += [f"{path}:{node.lineno} {name}" for name in modules if name in ("random", "secrets", "time", "os") and not seeded]
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Random" and not node.args:
                found.append(f"{path}:{node.lineno} Random without a seed")

    assert found == []


def test_the_clock_is_read_in_one_place() -> None:
    """Durations may be measured (monotonic); what time it is comes from the clock that tests can set."""
    walls = CLOCKS - {"time.monotonic", "uuid4", "uuid.uuid4"}
    found = {
        str(path.relative_to(SERVER)): ast.unparse(node.func)
        for path, tree in _python(SERVER)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in walls
    }

    assert set(found) <= {
        "infra/clock.py",
        "entrypoints/doctor.py",  # compares the machine's clock with the database's
    }


def test_transactions_are_committed_in_one_place() -> None:
    found = {
        f"{path.relative_to(SERVER)}: {ast.unparse(node.func)}"
        for path, tree in _python(SERVER / "modules", SERVER / "entrypoints", SERVER / "infra" / "http", SERVER / "infra" / "realtime")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("commit", "rollback")
        and "session" in ast.unparse(node.func)
    }

    assert found == set()


def _imports(*folders: Path) -> Iterator[tuple[str, str]]:
    """Every import as (file, what): of `from a import b` both `a` and `a.b`."""
    for path, tree in _python(*folders):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((str(path.relative_to(SERVER)), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield str(path.relative_to(SERVER)), node.module
                yield from ((str(path.relative_to(SERVER)), f"{node.module}.{alias.name}") for alias in node.names)


def test_tools_of_the_tests_stay_in_the_tests() -> None:
    tools = {"pytest", "hypothesis", "playwright", "aiosmtpd", "tests"}

    assert {(path, name) for path, name in _imports(SERVER) if name.split(".")[0] in tools} == set()


def test_requests_to_other_servers_go_through_one_client() -> None:
    """Whoever calls out by another way passes by the look at the address (security.md D22)."""
    clients = ("httpx", "httpcore", "h11", "urllib.request", "http.client", "aiohttp", "requests", "urllib3", "xmlrpc", "ftplib")
    found = {path for path, name in _imports(SERVER) if any(name == client or name.startswith(f"{client}.") for client in clients)}

    assert found == {"infra/http_out.py"}


def test_mail_is_sent_in_one_place() -> None:
    found = {path for path, name in _imports(SERVER) if name.split(".")[0] in ("aiosmtplib", "smtplib")}

    assert found == {"infra/mail.py"}


def test_every_error_code_is_in_the_contract() -> None:
    contract = (ROOT / "docs" / "protocol.md").read_text()
    codes = set()
    for _, tree in _python(SERVER):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                codes |= set(_codes(node))

    assert len(codes) > 20
    internal = {"fault", "internal"}  # the base class, and our own mistakes: nothing a page could do about them
    assert {code for code in codes - internal if f"`{code}`" not in contract} == set()


def _codes(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) in ("code", "(code, status)", "code, status"):
            value = statement.value.elts[0] if isinstance(statement.value, ast.Tuple) else statement.value
            if isinstance(value, ast.Constant):
                yield str(value.value)


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    places = [
        path
        for folder in ("src", "tests", "migrations", "scripts", "bench")
        for path in (ROOT / folder).rglob("*.py")
        if words.search(path.read_text()) and path != Path(__file__)
    ]

    assert places == []
