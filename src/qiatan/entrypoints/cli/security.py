"""`qiatan security`: for an enterprise that locked itself out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qiatan.entrypoints.cli import running
from qiatan.infra.settings import Settings

app = typer.Typer(help="Undo a lock-out.", no_args_is_help=True)


@app.callback()
def security() -> None:
    """Undo a lock-out."""


@app.command("open")
def open_login(
    enterprise: Annotated[str, typer.Argument(help="Name or id of the enterprise.")],
    data: Annotated[Path | None, typer.Option(help="Data directory. [DATA, default ./data]")] = None,
) -> None:
    """Switch the login restriction of an enterprise off. Its rules stay, to be corrected and switched on again."""
    settings = running.settings(data=data)
    from qiatan.entrypoints import users

    async def work(settings: Settings) -> bool:
        return await users.open_security(settings, enterprise=enterprise)

    was_on = running.with_database(settings, work)
    typer.echo(
        f"switched the login restriction of {enterprise} off"
        if was_on
        else f"the login restriction of {enterprise} is off already; nothing was changed"
    )
