"""The bus on NATS: core publish and subscribe, nothing stored."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import structlog
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from qiatan.infra.bus.base import BusUnavailable, Handler, Responder

log = structlog.get_logger(__name__)

MAX_QUEUED_BYTES = 16 * 1024 * 1024
"""What may wait to be sent; more means that the server does not keep up, and is dropped."""
MAX_RECEIVED_BYTES = 32 * 1024 * 1024
"""What one subscription may have received and not handled."""
START_SECONDS = 5.0
FLUSH_SECONDS = 2
RECONNECT_SECONDS = 1
CONNECT_SECONDS = 3
PING_SECONDS = 20


class NatsBus:
    """One connection, so that order is kept; one queue and one sender, so that publishing never waits."""

    alone = False

    def __init__(self, servers: Sequence[str], *, prefix: str, name: str = "qiatan") -> None:
        """`servers`: `nats://token@host:port`, members of one cluster. `prefix`: of every subject, so that installations can share a server."""
        self.dropped = 0
        self.sent = 0
        self.received = 0
        self.on_reconnect: list[Callable[[], None]] = []
        self._servers = list(servers)
        self._prefix = f"{prefix}."
        self._name = name
        self._client = Client()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._something = asyncio.Event()
        self._sent_all = asyncio.Event()
        self._sent_all.set()
        self._there = asyncio.Event()
        self._closing = False
        self._was_away = False
        """Whether there was a time without a connection since others were told last that they may have missed something."""
        self._sending: asyncio.Task[None] | None = None
        self._subscriptions: set[_Hearing] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def connected(self) -> bool:
        return self._there.is_set() and self._client.is_connected

    @property
    def queued_bytes(self) -> int:
        return self._waiting_bytes

    async def start(self) -> None:
        self._spawn(self._connect(), "bus-connect")
        self._sending = self._spawn(self._send(), "bus-send")
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._there.wait()
        if not self.connected:
            self._was_away = True
            log.warning("bus.away", hint="what happens on other nodes is seen later until it is back; check NATS_URL")

    async def close(self) -> None:
        if self.connected:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._sent_all.wait()
        self._closing = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=FLUSH_SECONDS)
        self._there.clear()
        # In a task of its own: while it tries to connect, the client's end comes with a cancellation that is not ours.
        leaving = asyncio.create_task(self._client.close())
        await asyncio.wait([leaving], timeout=FLUSH_SECONDS)
        if not leaving.done():
            leaving.cancel()
        elif not leaving.cancelled() and (error := leaving.exception()) is not None:
            log.debug("bus.not_closed", error=str(error))

    def publish(self, subject: str, payload: bytes) -> None:
        if not self.connected or self._waiting_bytes + len(payload) > MAX_QUEUED_BYTES or len(payload) > self._client.max_payload:
            self.dropped += 1
            return
        self._waiting.append((self._prefix + subject, payload))
        self._waiting_bytes += len(payload)
        self._sent_all.clear()
        self._something.set()

    async def subscribe(self, subject: str, handler: Handler) -> _Hearing:
        async def hear(message: Msg) -> None:
            self.received += 1
            try:
                handler(message.data)
            except Exception as error:
                log.exception("bus.handler_failed", subject=subject, error=str(error))

        return await self._hear(subject, hear)

    async def request(self, subject: str, payload: bytes, seconds: float) -> bytes:
        if not self.connected:
            raise BusUnavailable(subject)
        try:
            answer = await self._client.request(self._prefix + subject, payload, timeout=seconds)
        except (errors.Error, OSError, TimeoutError) as error:
            raise BusUnavailable(f"{subject}: {str(error) or type(error).__name__}") from error
        if answer.headers and answer.headers.get(_FAILED):
            raise BusUnavailable(f"{subject}: the other node could not answer")
        return answer.data

    async def respond(self, subject: str, responder: Responder) -> _Hearing:
        async def hear(message: Msg) -> None:
            # A task for each: one that takes its time must not hold up the others.
            self._spawn(self._answer(message, responder), "bus-answer")

        return await self._hear(subject, hear)

    async def _answer(self, message: Msg, responder: Responder) -> None:
        try:
            answer, headers = await responder(message.data), None
        except Exception as error:
            log.exception("bus.not_answered", subject=message.subject, error=str(error))
            answer, headers = b"", {_FAILED: "1"}
        if len(answer) > self._client.max_payload:
            log.warning("bus.answer_too_large", subject=message.subject, bytes=len(answer))
            answer, headers = b"", {_FAILED: "1"}
        try:
            await self._client.publish(message.reply, answer, headers=headers)
        except (errors.Error, OSError) as error:
            log.debug("bus.answer_lost", subject=message.subject, error=str(error))

    async def _hear(self, subject: str, hear: Callable[[Msg], Coroutine[Any, Any, None]]) -> _Hearing:
        hearing = _Hearing(self, self._prefix + subject, hear)
        self._subscriptions.add(hearing)
        if self.connected:
            client = self._client
            await self._begin(client, hearing)
            await self._confirm(client)
        return hearing

    async def _confirm(self, client: Client) -> None:
        """Wait until the server has read what was asked of it: it has when it has answered a ping that came after it.

        The client writes its pings past what waits to be written, so that must be gone first.
        """
        with suppress(errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                while client.pending_data_size and not client.is_closed:  # noqa: ASYNC110 -- the client tells nobody when it has written
                    await asyncio.sleep(0)
                await client.flush(timeout=FLUSH_SECONDS)

    async def _begin(self, client: Client, hearing: _Hearing) -> None:
        if hearing.at_server is None:
            with suppress(errors.Error, OSError):
                at_server = await client.subscribe(hearing.subject, cb=hearing.hear, pending_bytes_limit=MAX_RECEIVED_BYTES)
                if client is self._client:  # else it has ended meanwhile, and the next one begins with all
                    hearing.at_server = at_server

    async def end(self, hearing: _Hearing) -> None:
        """Hear a subject no more."""
        self._subscriptions.discard(hearing)
        at_server, hearing.at_server = hearing.at_server, None
        if at_server is not None:
            with suppress(errors.Error, OSError):
                await at_server.unsubscribe()

    # -- the connection

    async def _connect(self) -> None:
        client = self._client
        while True:
            try:
                await client.connect(
                    self._servers,
                    name=self._name,
                    no_echo=True,
                    connect_timeout=CONNECT_SECONDS,
                    reconnect_time_wait=RECONNECT_SECONDS,
                    max_reconnect_attempts=-1,
                    ping_interval=PING_SECONDS,
                    error_cb=self._failed,
                    disconnected_cb=self._lost,
                    reconnected_cb=self._back,
                    closed_cb=self._ended,
                )
                break
            except Exception as error:  # noqa: BLE001 -- whatever it is, a node that stops trying would stay deaf
                log.warning("bus.not_connected", error=str(error) or type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)
        # Whoever asks to hear something meanwhile leaves it to us: between the last look at what is asked for and `_there` nothing waits.
        tried: set[_Hearing] = set()
        while asked := self._subscriptions - tried:
            for hearing in asked:
                await self._begin(client, hearing)
            tried |= asked
            await self._confirm(client)
        if client is not self._client:
            return
        self._there.set()
        log.info("bus.connected")
        if self._was_away:
            self._was_away = False
            self._missed()

    async def _ended(self) -> None:
        """The client has given up for good, as it does after any error that the server tells it: go on with a new one."""
        if self._closing:
            return
        log.warning("bus.ended", error=str(self._client.last_error or ""))
        self._there.clear()
        self._was_away = True
        self._client = Client()
        for hearing in self._subscriptions:
            hearing.at_server = None
        if self._sending is not None:
            self._sending.cancel()  # it may wait for the old client to take something
        self._something.set()
        self._sending = self._spawn(self._send(), "bus-send")
        self._spawn(self._connect_anew(), "bus-connect")

    async def _connect_anew(self) -> None:
        await asyncio.sleep(RECONNECT_SECONDS)
        await self._connect()

    async def _failed(self, error: Exception) -> None:
        if isinstance(error, errors.SlowConsumerError):
            self.dropped += 1
            log.warning("bus.too_slow", subject=error.subject)
            self._missed()
        else:
            log.debug("bus.error", error=str(error) or type(error).__name__)

    async def _lost(self) -> None:
        if self._closing:
            return
        # What waits would come too late: those who miss it are healed when the bus is back.
        self.dropped += len(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._sent_all.set()
        log.warning("bus.lost")

    async def _back(self) -> None:
        log.info("bus.back")
        client = self._client
        for hearing in tuple(self._subscriptions):
            await self._begin(client, hearing)  # those that were asked for while it was away
        await self._confirm(client)
        self._missed()

    def _missed(self) -> None:
        for tell in self.on_reconnect:
            try:
                tell()
            except Exception as error:
                log.exception("bus.listener_failed", error=str(error))

    async def _send(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                subject, payload = self._waiting.popleft()
                self._waiting_bytes -= len(payload)
                try:
                    await self._client.publish(subject, payload)
                    self.sent += 1
                except (errors.Error, OSError) as error:
                    self.dropped += 1
                    log.debug("bus.not_sent", subject=subject, error=str(error))
                except Exception as error:
                    self.dropped += 1
                    log.exception("bus.send_failed", subject=subject, error=str(error))
            self._sent_all.set()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("bus.task_failed", task=task.get_name(), error=str(error), exc_info=error)


_FAILED = "Qiatan-Failed"


class _Hearing:
    """A subject that is heard, through every reconnect."""

    def __init__(self, bus: NatsBus, subject: str, hear: Callable[[Msg], Coroutine[Any, Any, None]]) -> None:
        self._bus = bus
        self.subject = subject
        self.hear = hear
        self.at_server: NatsSubscription | None = None

    async def unsubscribe(self) -> None:
        await self._bus.end(self)
