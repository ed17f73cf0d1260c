"""The command `qiatan`.

Each command reads the settings from the environment, lets its options win over them, and loads what it needs only when it runs.
A start that cannot succeed ends with one line on standard error and exit code 2; a refusal of the product with 1.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from qiatan.entrypoints.cli import audit, backup, running, schema, security, user
from qiatan.infra.setup_error import SetupError
from qiatan.kit.errors import Fault

app = typer.Typer(
    name="qiatan",
    help="Customer-service platform: live chat that never loses a message. Settings are environment variables (see `qiatan serve --help`).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(user.app, name="user")
app.add_typer(audit.app, name="audit")
app.add_typer(security.app, name="security")
app.add_typer(backup.app, name="backup")
app.command()(backup.restore)

Host = Annotated[str | None, typer.Option(help="Address to listen on. [HOST, default 127.0.0.1]")]
Port = Annotated[int | None, typer.Option(help="TCP port. [PORT, default 8000]")]
Data = Annotated[Path | None, typer.Option(help="Directory for everything that is kept. [DATA, default ./data]")]


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    workers: Annotated[int | None, typer.Option(help="How many processes share the port, about one a core. [WORKERS, default 1]")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="With an empty database, make a demo enterprise and its shop.")] = False,
) -> None:
    """Run the server: pages, API, sockets, background jobs and, without DATABASE_URL, its own PostgreSQL.

    Other settings: DATABASE_URL, PUBLIC_URL (the address people use), SIGNUP=on|off, TRUSTED_PROXIES=10.0.0.0/8,…,
    LOG_LEVEL=debug|info|warning|error, WORKER=on|off, VISITOR_RATE (messages a minute), SMTP_URL and MAIL_FROM (mail), OUTBOUND_ALLOW
    (own networks that may be called), DRAIN_SECONDS, NATS_URL and SECRET_KEY (several machines). docs/operating.md explains each.

    With several workers SIGHUP replaces them one after another while people write.
    """
    settings = running.settings(host=host, port=port, data=data, workers=workers)
    if settings.workers > 1:
        from qiatan.entrypoints import supervisor

        supervisor.run(settings, demo=demo)
        return
    from qiatan.entrypoints.serve import run

    run(settings, demo=demo)


@app.command()
def work(data: Data = None) -> None:
    """Run the background jobs alone, beside a server that has WORKER=off. It answers /livez, /readyz and /metrics on WORK_LISTEN."""
    settings = running.settings(data=data)
    from qiatan.entrypoints.worker import run

    run(settings)


@app.command()
def migrate(
    data: Data = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Also run what waits for older processes to end; those that live still will fail.")
    ] = False,
) -> None:
    """Bring the database to this version. `serve` does it too; this is for deployments that want it apart."""
    typer.echo(schema.migrate(running.settings(data=data), finish=finish))


@app.command()
def doctor(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look for what would keep the server from running well; every finding names its remedy. Exit code 1 when something fails."""
    from qiatan.entrypoints import doctor as checks

    findings = checks.examine(running.environment(host=host, port=port, data=data))
    typer.echo(checks.as_json(findings) if json else checks.as_text(findings))
    if checks.failed(findings):
        raise typer.Exit(1)


@app.command()
def openapi() -> None:
    """Print the description of the HTTP API, as served at /openapi.json."""
    import json

    from qiatan.entrypoints.app import build_openapi

    typer.echo(json.dumps(build_openapi(), ensure_ascii=False, indent=2))


@app.command()
def version() -> None:
    """Print the version."""
    import qiatan

    typer.echo(qiatan.__version__)


def main() -> None:
    """Entry point of the installed command."""
    # What is imported lives to the end: looking for cycles in it, again and again while it grows, took a sixth of the start.
    gc.set_threshold(50_000, 20, 50)
    try:
        app()
    except SetupError as error:
        typer.echo(f"qiatan: {error}", err=True)
        sys.exit(2)
    except Fault as fault:
        details = "; ".join(f"{problem.field}: {problem.message}" for problem in fault.fields)
        typer.echo(f"qiatan: {fault.message}{f' ({details})' if details else ''}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
