"""What the Makefile stands on: packages from where this machine gets them, and nothing done twice."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import machine, prepare
from tests.platform.conftest import ROOT

LISTING = r"""global.index-url='https://mirror.example/simple'
global.extra-index-url='\nhttps://one.example/simple\nhttps://two.example/simple'
:env:.index-url='https://nearer.example/simple'
global.find-links='/srv/wheels'
install.trusted-host='mirror.example'
"""


def listing(*_: Any, **__: Any) -> str:
    return LISTING


def test_uv_is_told_where_pip_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    told = machine.index_settings(["pip"], listing)
    assert told["UV_DEFAULT_INDEX"] == "https://nearer.example/simple"
    assert told["UV_INDEX"] == "https://one.example/simple https://two.example/simple"
    assert told["UV_FIND_LINKS"] == "/srv/wheels"
    assert told["UV_INSECURE_HOST"] == "mirror.example"


def test_what_is_set_for_uv_itself_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")
    told = machine.index_settings(["pip"], listing)
    assert "UV_DEFAULT_INDEX" not in told
    assert "UV_INDEX" not in told


@pytest.mark.parametrize(
    ("version", "serves"),
    [
        ("v20.18.9", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
        (None, False),
    ],
)
def test_only_a_node_that_can_build_the_pages_is_taken(version: str | None, serves: bool) -> None:
    assert machine.node_serves(lambda command: version if command[0] == "node" else "10.0.0") is serves


def test_a_digest_sees_content_and_names_but_not_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    file = tmp_path / "a"
    file.write_text("one")
    first = prepare.digest(file)
    file.unlink()
    file.write_text("one")
    assert prepare.digest(file) == first
    file.write_text("two")
    assert prepare.digest(file) != first
    file.write_text("one")
    assert prepare.digest(file.rename(tmp_path / "b")) != first


def test_an_unknown_step_is_refused() -> None:
    assert prepare.main(["everything"]) == 2
    assert prepare.main([]) == 2


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))
    assert [lock.name for lock in locks] == [
        "requirements-build.lock",
        "requirements-dev.lock",
        "requirements-node.lock",
        "requirements.lock",
    ]
    for lock in locks:
        text = lock.read_text()
        assert not re.search(r"://|^-", text, re.MULTILINE), lock.name
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[a-z0-9-]+(\[.*\])?==\S+", requirement), requirement
            assert "--hash=sha256:" in requirement, requirement


def test_the_two_python_locks_agree() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_help_lists_every_target_that_people_call() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "check", "bench", "help"):
        assert f"make {target} " in shown
