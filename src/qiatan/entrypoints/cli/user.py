"""`qiatan user`: accounts from the command line, for the first administrator and for those who locked themselves out."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from qiatan.entrypoints.cli import running
from qiatan.infra.settings import Settings

app = typer.Typer(help="Make accounts, set passwords, let people in again.", no_args_is_help=True)

_GENERATED_BYTES = 12
_LONGEST_PASSWORD = 1024

Email = Annotated[str, typer.Argument(help="E-mail address to sign in with.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")]
Data = Annotated[Path | None, typer.Option(help="Data directory. [DATA, default ./data]")]


@app.command()
def create(
    email: Email,
    *,
    name: Annotated[str, typer.Option(help="The person's name.")],
    enterprise: Annotated[str, typer.Option(help="Name of the enterprise; a new one is made when there is none of this name.")],
    role: Annotated[str, typer.Option(help="admin, agent, or the name of a role of the enterprise.")] = "admin",
    language: Annotated[str, typer.Option(help="zh-CN or en: the person's, and of the words a new enterprise begins with.")] = "zh-CN",
    password_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Make an account. Without --password-stdin a password is generated and shown once."""
    password, generated = _password(password_stdin)
    settings = running.settings(data=data)
    from qiatan.entrypoints import users

    async def work(settings: Settings) -> None:
        await users.create_user(settings, email=email, name=name, enterprise=enterprise, role=role, password=password, language=language)

    running.with_database(settings, work)
    typer.echo(f"made {email}")
    _show(password, generated)


@app.command()
def password(email: Email, password_stdin: FromStdin = False, data: Data = None) -> None:
    """Set a new password and end the account's sessions. Without --password-stdin one is generated and shown once."""
    chosen, generated = _password(password_stdin)
    settings = running.settings(data=data)
    from qiatan.entrypoints import users

    async def work(settings: Settings) -> None:
        await users.set_password(settings, email=email, password=chosen)

    running.with_database(settings, work)
    typer.echo(f"changed the password of {email}")
    _show(chosen, generated)


@app.command("reset-two-factor")
def reset_two_factor(email: Email, data: Data = None) -> None:
    """Take all second factors from an account and end its sessions: for who lost the phone and the recovery codes."""
    settings = running.settings(data=data)
    from qiatan.entrypoints import users

    async def work(settings: Settings) -> bool:
        return await users.reset_two_factor(settings, email=email)

    had_some = running.with_database(settings, work)
    typer.echo(f"took the second factors from {email}" if had_some else f"{email} has no second factor; nothing was changed")


@app.command()
def enable(email: Email, data: Data = None) -> None:
    """Let an account in again that was switched off. Role and rights stay as they are."""
    settings = running.settings(data=data)
    from qiatan.entrypoints import users

    async def work(settings: Settings) -> bool:
        return await users.enable_user(settings, email=email)

    was_off = running.with_database(settings, work)
    typer.echo(f"switched {email} on" if was_off else f"{email} is on already; nothing was changed")


@app.command("sign-in-link")
def sign_in_link(email: Email, data: Data = None) -> None:
    """Print a link that signs an account in, once, within 15 minutes. It stands for the password: a second factor is still asked for."""
    settings = running.settings(data=data)
    from qiatan.entrypoints import users

    async def work(settings: Settings) -> str:
        return await users.user_sign_in_link(settings, email=email)

    typer.echo(running.with_database(settings, work))


def _password(from_stdin: bool) -> tuple[str, bool]:
    """The password and whether it was generated. It is never an option: the command line is shown to every user of a machine."""
    if not from_stdin:
        return secrets.token_urlsafe(_GENERATED_BYTES), True
    line = sys.stdin.readline(_LONGEST_PASSWORD).rstrip("\r\n")
    if not line:
        raise typer.BadParameter("standard input is empty: give the password as its first line", param_hint="--password-stdin")
    return line, False


def _show(chosen: str, generated: bool) -> None:
    if generated:
        typer.echo(f"password: {chosen}")
