"""What this machine has and lacks, for prepare.py: an installer, an index, Node, a browser."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

OutputOf = Callable[..., "str | None"]
Call = Callable[..., None]

OLDEST_PYTHON = (3, 11)
NO_PIP = (
    "this Python has neither pip nor ensurepip, and there is no uv on the PATH: install one of them"
    f" (Debian: sudo apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv) and run make again"
)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LIGHT_BROWSER = "chromium-headless-shell"


def reexecute_with_new_python() -> None:
    """Go on with a newer Python of this machine when the one that was called is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in (13, 12, 11, 14):
        other = shutil.which(f"python3.{minor}")
        if other:
            os.execv(other, [other, "-m", "scripts.prepare", *sys.argv[1:]])  # noqa: S606 -- the same script under another Python
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"make: Python {found} is too old: install Python 3.11 or newer, or name one with PYTHON=<path>")


def find_pip(home: Path, output_of: OutputOf) -> list[str] | None:
    """A pip to run: this Python's own, else one made in a place of ours where Python can make one."""
    if output_of([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip"]
    own = [str(home / "bin" / "python"), "-m", "pip"]
    if output_of([*own, "--version"]):
        return own
    if output_of([sys.executable, "-c", "import ensurepip"]) is None:
        return None
    output_of([sys.executable, "-m", "venv", "--clear", str(home)])
    return own if output_of([*own, "--version"]) else None


def find_uv(output_of: OutputOf) -> list[str] | None:
    """A uv that the machine has already."""
    return ["uv", "pip"] if output_of(["uv", "--version"]) else None


def may_install_packages() -> bool:
    """Whether system packages can be installed without asking anybody: Debian's way, as root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str], call: Call) -> None:
    """Install Debian packages; fails loudly."""
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "-qq"], env=env)
    call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=env)


def index_settings(pip: list[str] | None, output_of: OutputOf) -> dict[str, str]:
    """Tell uv where this machine gets packages from, as pip knows it: uv does not read pip's files and variables.

    What is set for uv itself wins. Several indexes are safe here because every file is checked against the lock's hashes.
    """
    told = output_of([*pip, "config", "list"]) if pip else None
    known = _pip_settings(told or "")
    wanted = {
        "UV_DEFAULT_INDEX": known.get("index-url", ""),
        "UV_INDEX": known.get("extra-index-url", ""),
        "UV_FIND_LINKS": ",".join(known.get("find-links", "").split()),
        "UV_INSECURE_HOST": known.get("trusted-host", ""),
        "SSL_CERT_FILE": known.get("cert", ""),
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_SYSTEM_CERTS": "true",
        "UV_NO_CONFIG": "",
    }
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")):
        wanted["UV_DEFAULT_INDEX"] = wanted["UV_INDEX"] = ""
    return {name: value for name, value in wanted.items() if value and name not in os.environ}


def _pip_settings(listing: str) -> dict[str, str]:
    """Read `pip config list`; a variable of the environment is listed as `:env:` and wins over files."""
    settings: dict[str, str] = {}
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(":env:")):
        name, separator, value = line.partition("=")
        if separator:
            settings[name.rpartition(".")[2]] = " ".join(str(ast.literal_eval(value)).split())
    return settings


def node_serves(output_of: OutputOf) -> bool:
    """Whether the machine's own Node can build the pages (the versions that Vite takes), and npm is with it."""
    found = re.match(r"v(\d+)\.(\d+)\.", output_of(["node", "--version"]) or "")
    if found is None or output_of(["npm", "--version"]) is None:
        return False
    version = (int(found[1]), int(found[2]))
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def write_node_shims(home: Path, shims: Path) -> None:
    """Put `node`, `npm` and `npx` of the wheel into a directory for the PATH (a wheel cannot hold the links that npm needs)."""
    shutil.rmtree(shims, ignore_errors=True)
    shims.mkdir(parents=True)
    (shims / "node").symlink_to(home / "bin" / "node")
    for name in ("npm", "npx"):
        script = home / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nexec "{shims / "node"}" "{script}" "$@"\n')
        shim.chmod(0o755)


def missing_for_browser(output_of: OutputOf) -> list[str]:
    """Which Debian packages the journeys lack: a Chromium, and letters for Chinese."""
    missing = []
    if not any(shutil.which(name) for name in _BROWSERS):
        missing.append("chromium")
    if not output_of(["fc-list", ":lang=zh-cn", "family"]):
        missing.append("fonts-noto-cjk")
    return missing


def lighter_browser(output_of: OutputOf) -> list[str]:
    """The Debian package of a Chromium that plays the journeys in nearly half the time, where there is one to install."""
    if shutil.which(_LIGHT_BROWSER) or not may_install_packages() or not output_of(["apt-cache", "show", _LIGHT_BROWSER]):
        return []
    return [_LIGHT_BROWSER]


def no_browser(missing: list[str]) -> str:
    """What to tell somebody whose machine lacks them."""
    return (
        f"the tests in the browser need {' and '.join(missing)}: install with"
        f" `sudo apt-get install {' '.join(missing)}` (other systems: Chromium, and any font with Chinese letters), then run make again"
    )
