"""As whom PostgreSQL runs and where it lies, when root starts it and when somebody else does."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from qiatan.infra.postgres import placement, require_supported
from qiatan.infra.setup_error import SetupError
from tests.platform.conftest import ROOT, Embedded, Hold

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


@pytest.fixture
def root_home(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of this test instead of /var/lib/qiatan."""
    home = scratch / "var"
    monkeypatch.setattr(placement, "ROOT_HOME", home)
    return home


@pytest.fixture
def closed(scratch: Path) -> Path:
    """A directory that nobody but root can pass."""
    directory = scratch / "closed"
    directory.mkdir(mode=0o700)
    return directory


@as_root
async def test_root_has_postgres_run_as_an_unprivileged_user(scratch: Path, embedded: Embedded) -> None:
    postgres = embedded(scratch, durable=False)
    await require_supported(await postgres.start())
    owner = Path(f"/proc/{postgres.pid}").stat().st_uid
    assert owner != 0
    assert (scratch / "postgresql").stat().st_uid == owner
    assert scratch.stat().st_uid == 0
    configuration = scratch / "postgresql.d" / "pg_hba.conf"
    assert configuration.stat().st_uid == 0
    assert not configuration.stat().st_mode & stat.S_IWOTH


@as_root
async def test_data_below_a_closed_directory_is_kept_elsewhere_and_nothing_is_opened(
    closed: Path, root_home: Path, embedded: Embedded, caplog: pytest.LogCaptureFixture
) -> None:
    data = closed / "data"
    postgres = embedded(data, durable=False)
    await require_supported(await postgres.start())
    assert postgres.cluster_dir is not None
    assert postgres.cluster_dir.is_relative_to(root_home)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert f"the database is kept in {postgres.cluster_dir.parent}" in caplog.text
    await postgres.stop()

    renamed = closed / "renamed"
    data.rename(renamed)
    again = embedded(renamed, durable=False)
    await again.start()
    assert again.cluster_dir == postgres.cluster_dir


@as_root
async def test_a_data_directory_that_was_removed_begins_anew_and_the_old_cluster_stays(
    closed: Path, root_home: Path, embedded: Embedded
) -> None:
    data = closed / "data"
    first = embedded(data, durable=False)
    await first.start()
    await first.stop()
    shutil.rmtree(data)
    second = embedded(data, durable=False)
    await second.start()
    assert first.cluster_dir is not None
    assert second.cluster_dir not in {None, first.cluster_dir}
    assert first.cluster_dir.is_dir()
    assert root_home.is_dir()


@as_root
async def test_binaries_below_a_closed_directory_are_copied_once(
    scratch: Path, closed: Path, root_home: Path, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = placement.wheel_binaries().parents[1]
    (closed / package.name).symlink_to(package)
    (closed / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
    monkeypatch.setattr(placement, "wheel_binaries", lambda: closed / package.name / "pginstall18" / "bin")
    data = scratch / "data"
    for _ in range(2):
        postgres = embedded(data, durable=False)
        await postgres.start()
        assert Path(f"/proc/{postgres.pid}/exe").resolve().is_relative_to(root_home)
        await postgres.stop()
    assert [path.name[:13] for path in root_home.iterdir()] == ["postgresql-18"]


@as_root
async def test_a_cluster_that_its_user_can_no_longer_reach_is_named(scratch: Path, root_home: Path, embedded: Embedded) -> None:
    above = scratch / "above"
    above.mkdir(mode=0o711)
    postgres = embedded(above / "data", durable=False)
    await postgres.start()
    await postgres.stop()
    above.chmod(0o700)
    with pytest.raises(SetupError, match=r"cannot reach its cluster .*chmod o\+x"):
        await postgres.start()
    assert not root_home.exists()


@as_root
async def test_a_cluster_of_root_is_refused_with_the_remedy(scratch: Path, embedded: Embedded) -> None:
    (scratch / "postgresql").mkdir()
    with pytest.raises(SetupError, match=r"belongs to root.*chown -R"):
        await embedded(scratch).start()


@as_root
def test_a_plain_user_runs_it_as_himself(scratch: Path, hold: Hold) -> None:
    user = pwd.getpwnam("nobody")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    probe = "import sys; sys.path.insert(0, sys.argv[1]); import qiatan, datetime; datetime.UTC"
    reachable = (
        python is not None
        and not subprocess.run(
            [python, "-c", probe, str(ROOT / "src")], user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", check=False
        ).returncode
    )
    if python is None or not reachable:
        pytest.skip("another user can reach no Python 3.11, or not this checkout")
    data = scratch / "data"
    data.mkdir()
    os.chown(data, user.pw_uid, user.pw_gid)
    held = hold(data, python=python, user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    assert Path(f"/proc/{held.postgres}").stat().st_uid == user.pw_uid
    assert "stopped" in held.stop()

    # Started by root afterwards, the cluster goes on under its owner.
    held = hold(data)
    assert Path(f"/proc/{held.postgres}").stat().st_uid == user.pw_uid
    held.stop()
