"""A server process for the tests: starts PostgreSQL on the directory, tells `ready PID URL`, and serves until it is stopped.

Only the standard library and `qiatan.infra.postgres` are loaded, so that any Python of the machine can run it as any user.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from qiatan.infra.postgres import EmbeddedPostgres
from qiatan.infra.setup_error import SetupError


async def hold(directory: Path) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    postgres = EmbeddedPostgres(directory)
    url = await postgres.start()
    print("ready", postgres.pid, url, flush=True)
    await asked.wait()
    await postgres.stop()
    print("stopped", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    try:
        asyncio.run(hold(Path(sys.argv[1])))
    except SetupError as error:
        sys.exit(str(error))
