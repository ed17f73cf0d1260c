"""`qiatan backup` and `qiatan restore`."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from qiatan.entrypoints.cli import running

if TYPE_CHECKING:
    from qiatan.entrypoints.backup_restore import Report
    from qiatan.infra.backup.format import Manifest
    from qiatan.infra.settings import Settings

_STAGES = {
    "database": "database",
    "files": "files",
    "sums": "checking",
    "start": "starting the server on it",
    "bucket": "files into the bucket",
}
_PAUSE = 0.5


class _Group(TyperGroup):
    """`qiatan backup PLACE` is `qiatan backup make PLACE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="Make backups (`qiatan backup [PLACE]`) and check them.", cls=_Group, no_args_is_help=False)
Data = Annotated[Path | None, typer.Option(help="Data directory. [DATA, default ./data]")]


@app.callback()
def backup() -> None:
    """Make a backup (`qiatan backup [PLACE]`, see `qiatan backup make --help`), or check one."""


@app.command()
def make(
    place: Annotated[
        Path | None,
        typer.Argument(help="A new file, or a directory. [BACKUP_DIR, default backups in the data directory]", show_default=False),
    ] = None,
    without_secret_key: Annotated[
        bool,
        typer.Option("--without-secret-key", help="Leave the key out; keep it elsewhere, or apps and sign-in providers are set up anew."),
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="Also copy the files that lie in the bucket of S3_BUCKET.")] = False,
    accept_missing: Annotated[
        bool,
        typer.Option(
            "--accept-missing", help="Count it as good though files are missing, and later ones that lack no more: they are lost."
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Put the database, the files and the secret key into one tar file, beside a running server or without one.

    The file is readable for you only. It is read again to compare all sums, and complete when its name is there. Exit code 1 when it is
    made and lacks files that the last good one had.
    """
    settings = running.settings(data=data)
    from qiatan.entrypoints import backups

    _quiet(settings)
    choice = backups.Choice(with_key=not without_secret_key, with_bucket=files, accept_missing=accept_missing)
    made = asyncio.run(backups.back_up(settings, place, choice, _Progress()))
    typer.echo(f"{made.path}  {_size(made.size)}")
    for line in _contents(made.manifest):
        typer.echo(line)
    if made.lack is not None:
        typer.echo(made.lack, err=True)
        raise typer.Exit(1)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    sums_only: Annotated[bool, typer.Option("--sums-only", help="Compare the sums, and do not bring it up.")] = False,
    data: Data = None,
) -> None:
    """Compare all sums, then bring the backup up in a cluster of its own below the temporary directory, and start the server on it.

    Nothing of this installation is touched; the trial is removed again. Exit code 2 when the backup is broken, 1 when it lacks something.
    """
    settings = running.settings(data=data)
    from qiatan.entrypoints import backup_restore

    _quiet(settings)
    report = asyncio.run(backup_restore.verify(settings, file.expanduser().absolute(), trial=not sums_only, tell=_Progress()))
    for line in _contents(report.manifest):
        typer.echo(line)
    if not _complain(report):
        typer.echo("all sums are right" if sums_only else "all sums are right; brought up, counted and started")


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    into: Annotated[Path | None, typer.Option(help="Data directory to bring it back into. [DATA, default ./data]")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Move what is there to before-restore-TIME in the data directory.")] = False,
) -> None:
    """Bring a backup back: into the data directory, or, with DATABASE_URL, into that empty database.

    All sums are compared first. It is migrated to this version, counted and started before it takes its place; until then nothing is changed.
    """
    settings = running.settings(data=into)
    from qiatan.entrypoints import backup_restore

    _quiet(settings)
    report = asyncio.run(backup_restore.restore(settings, file.expanduser().absolute(), replace=replace, tell=_Progress()))
    for line in _contents(report.manifest):
        typer.echo(line)
    if report.kept is not None:
        typer.echo(f"what was there is kept in {report.kept}")
    if report.manifest.files_from == "none" and settings.s3 is None:
        typer.echo(
            f"the files are still in the bucket {report.manifest.bucket}: set S3_BUCKET as it was, or copy them to {settings.data_dir / 'files'}"
        )
    if report.manifest.key not in ("included", "none"):
        typer.echo("the secret key is not in this backup: put the former secret.key into the data directory, or set SECRET_KEY as it was")
    typer.echo(f"restored into {settings.data_dir}: start the server")


def _complain(report: Report) -> bool:
    """Say what a backup lacks, and end with 1 if it does."""
    for line in report.broken_chains:
        typer.echo(f"audit log: {line}", err=True)
    if report.absent:
        typer.echo(f"{report.absent} files that the database refers to are not in it", err=True)
    if report.broken_chains or report.absent:
        raise typer.Exit(1)
    return False


def _contents(manifest: Manifest) -> list[str]:
    """What is in it, a line each."""
    counts = manifest.counts
    told = ", ".join(f"{counts.get(table, 0)} {table}" for table in ("enterprises", "agents", "customers", "conversations", "messages"))
    files = {
        "disk": f"{manifest.files} files, {_size(manifest.files_bytes)}",
        "bucket": f"{manifest.files} files of the bucket {manifest.bucket}, {_size(manifest.files_bytes)}",
    }.get(manifest.files_from, f"not in it: they stay in the bucket {manifest.bucket} (--files copies them)")
    keys = {"included": "in it", "left_out": "left out", "elsewhere": "not in it: it is given by a setting", "none": "none was made yet"}
    lines = [
        f"  as of       {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, by Qiatan {manifest.program}, schema {manifest.revision}",
        f"  database    {told}",
        f"  files       {files}",
        f"  secret key  {keys.get(manifest.key, manifest.key)}",
    ]
    if manifest.missing:
        names = ", ".join(manifest.missing_names[:3])
        lines.append(
            f"  missing     {manifest.missing} files were not in the storage any more ({names}{' …' if manifest.missing > 3 else ''})"
        )
    return lines


class _Progress:
    """On a terminal a line that grows; elsewhere one line a stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._told_at = 0.0
        self._live = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, size: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            typer.echo(f"{'' if not self._stage or not self._live else chr(10)}{_STAGES.get(stage, stage)} …", err=True, nl=not self._live)
            self._stage, self._told_at = stage, now
        elif self._live and now - self._told_at >= _PAUSE:
            share = f"{100 * done // size} %" if size else _size(done)
            typer.echo(f"\r{_STAGES.get(stage, stage)} … {share}   ", err=True, nl=False)
            self._told_at = now
        if self._live and size and done >= size:
            typer.echo(f"\r{_STAGES.get(stage, stage)} … 100 %", err=True, nl=False)


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size < 2**30 else f"{size / 2**30:.2f} GiB"


def _quiet(settings: Settings) -> None:
    from qiatan.infra import logs

    logs.configure("warning" if settings.log_level == "info" else settings.log_level)
