"""`qiatan audit`: whether the audit log is whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qiatan.entrypoints.cli import running
from qiatan.infra.settings import Settings

if TYPE_CHECKING:
    from qiatan.entrypoints.chains import Chain

app = typer.Typer(help="Look after the audit log.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Look after the audit log."""


@app.command()
def verify(
    enterprise: Annotated[str | None, typer.Option(help="Name or id of one enterprise. [default: all]")] = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="What this command printed earlier for the enterprise: it must still be in the chain."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory. [DATA, default ./data]")] = None,
) -> None:
    """Compute the hash of every entry anew. Exit code 1 when a chain is broken.

    Keep the printed head somewhere else (a printout, another machine): with it a log that was written anew as a whole is found too.
    """
    if head is not None and enterprise is None:
        raise typer.BadParameter("name the enterprise it belongs to with --enterprise", param_hint="--head")
    noted = _head(head) if head is not None else None
    settings = running.settings(data=data)
    from qiatan.entrypoints import chains

    async def work(settings: Settings) -> list[Chain]:
        return await chains.verify(settings, enterprise=enterprise, noted=noted)

    found = running.with_database(settings, work)
    for chain in found:
        typer.echo(f"{chain.name} ({chain.enterprise_id}): {chain.said}")
    if not all(chain.whole for chain in found):
        raise typer.Exit(1)


def _head(text: str) -> tuple[int, bytes]:
    parts = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text.strip())
    if parts is None:
        raise typer.BadParameter("use what `qiatan audit verify` printed: a number, a colon, 64 hexadecimal digits", param_hint="--head")
    return int(parts[1]), bytes.fromhex(parts[2])
