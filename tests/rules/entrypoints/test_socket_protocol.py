"""The socket tier and the bytes of strangers: whatever comes, in whatever pieces, RFC 6455 holds and nothing is raised."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import SERVER, Protocol
from websockets.uri import parse_uri

from qiatan.entrypoints.socket import MAX_SOCKET_MESSAGE, WebSocketProtocol
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from tests.support.fuzzing import examples

_URI = parse_uri("ws://qiatan.test/api/v1/socket")
FEW = settings(max_examples=examples(120), deadline=None)


@dataclass
class _Gateway:
    """Remembers what it was given. Messages that begin with `wait` are waited for."""

    resources: Any
    heard: list[str] = field(default_factory=list)
    gone: int = 0
    tokens: int = 1_000
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def opened(self, connection: Connection) -> None:
        self.connection = connection

    def closed(self, connection: Connection) -> None:
        self.gone += 1

    def receive(self, connection: Connection, text: str, session_token: str | None) -> Awaitable[None] | None:
        self.heard.append(text)
        return self._wait() if text.startswith("wait") else None

    async def _wait(self) -> None:
        await self.release.wait()

    def take_token(self, connection: Connection, now: float) -> bool:
        self.tokens -= 1
        return self.tokens >= 0

    def bye(self, connection: Connection, code: int, reason: str, message: str) -> None:
        connection.close(code, reason)


class _Wire(asyncio.Transport):
    """What the server wrote, and whether it hung up."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5000)})
        self.written = b""
        self.closing = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.closing, "written after the end"
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


@dataclass
class _Open:
    """An upgraded connection."""

    gateway: _Gateway
    wire: _Wire
    protocol: WebSocketProtocol

    def feed(self, data: bytes, cuts: Sequence[int] = ()) -> None:
        """Bytes from the client, cut into pieces, as a network would bring them."""
        edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
        for start, end in itertools.pairwise(edges):
            if start < end and not self.wire.closing:
                self.protocol.data_received(data[start:end])

    def waits(self) -> bool:
        """Whether it waits for the rest of a frame."""
        return len(self.protocol._rest) > 0

    def said(self) -> list[Frame]:
        """The frames the server wrote since the upgrade; a client's parser accepts each of them."""
        client = Protocol(cast("Any", ClientProtocol(_URI).side))
        client.receive_data(self.wire.written)
        assert client.parser_exc is None
        return [event for event in client.events_received() if isinstance(event, Frame)]

    def close_code(self) -> int | None:
        closes = [frame for frame in self.said() if frame.opcode is Opcode.CLOSE]
        assert len(closes) <= 1
        return Close.parse(bytes(closes[0].data)).code if closes else None


def _open() -> _Open:
    resources = SimpleNamespace(hub=Hub(), settings=SimpleNamespace(public_url="http://qiatan.test", trusted_proxies=()))
    gateway = _Gateway(resources)
    application = SimpleNamespace(gateway=gateway)
    protocol = WebSocketProtocol(Config(cast("Any", application)), ServerState(), {})
    wire = _Wire()
    protocol.connection_made(wire)
    client = ClientProtocol(_URI)
    client.send_request(client.connect())
    protocol.data_received(b"".join(client.data_to_send()))
    upgraded, wire.written = wire.written, b""
    assert upgraded.startswith(b"HTTP/1.1 101")
    return _Open(gateway, wire, protocol)


def _run(story: Any) -> None:
    """Hypothesis is not asynchronous; each example has a loop of its own."""

    async def tell() -> None:
        story()
        await asyncio.sleep(0)

    asyncio.run(tell())


def _bytes(frames: Sequence[Frame]) -> bytes:
    return b"".join(frame.serialize(mask=True) for frame in frames)


texts = st.text(max_size=300)
whole = texts.map(lambda text: [Frame(Opcode.TEXT, text.encode(errors="replace"))])


@st.composite
def fragments(draw: st.DrawFn) -> list[Frame]:
    """A message in fragments, with pings and pongs between them."""
    pieces = draw(st.lists(st.binary(max_size=50), min_size=2, max_size=4))
    data = "".join(chr(0x4E00 + byte) for piece in pieces for byte in piece).encode()
    size = max(1, len(data) // len(pieces) + 1)
    parts = [data[start : start + size] for start in range(0, max(1, len(data)), size)] or [b""]
    frames: list[Frame] = []
    for number, part in enumerate(parts):
        frames.append(Frame(Opcode.TEXT if number == 0 else Opcode.CONT, part, fin=number == len(parts) - 1))
        if number < len(parts) - 1 and draw(st.booleans()):
            frames.append(Frame(draw(st.sampled_from([Opcode.PING, Opcode.PONG])), draw(st.binary(max_size=125))))
    return frames


control = st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)).map(lambda one: [Frame(*one)])
streams = st.lists(st.one_of(whole, fragments(), control), max_size=6).map(lambda groups: [frame for group in groups for frame in group])
cuts = st.lists(st.integers(min_value=0, max_value=10_000), max_size=12)


def _messages(frames: Sequence[Frame]) -> list[str]:
    """What a reader of RFC 6455 gets: texts, whole and put together."""
    found, piece = [], b""
    for frame in frames:
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            piece += bytes(frame.data)
            if frame.fin:
                found.append(piece.decode())
                piece = b""
    return found


@FEW
@given(streams, cuts)
def test_the_same_messages_come_whatever_the_pieces(frames: list[Frame], cut_at: list[int]) -> None:
    def story() -> None:
        opened = _open()

        opened.feed(_bytes(frames), cut_at)

        assert opened.gateway.heard == _messages(frames)
        assert [bytes(one.data) for one in opened.said()] == [bytes(one.data) for one in frames if one.opcode is Opcode.PING]
        assert not opened.wire.closing

    _run(story)


def _oracle(data: bytes) -> int | None:
    """How the library ends a connection that brings this, if it does."""
    library = Protocol(SERVER, max_size=MAX_SOCKET_MESSAGE)
    library.receive_data(data)
    if library.close_sent is None:
        return None
    return library.close_sent.code


@FEW
@given(st.binary(max_size=400), cuts, streams)
def test_whatever_else_comes_ends_as_the_library_would_end_it(noise: bytes, cut_at: list[int], before: list[Frame]) -> None:
    def story() -> None:
        opened = _open()
        data = _bytes(before) + noise

        opened.feed(data, cut_at)

        code = opened.close_code()
        expected = _oracle(data)
        # Ours may end sooner (a binary message is 4400, text that is not UTF-8 is 1007) or, in the middle of a frame, later.
        assert code in (expected, 4400, 1007) or (code is None and opened.waits())

    _run(story)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x03abc", 1002),  # not masked
        (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # no such opcode
        (b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, 1002),  # a ping that is too long
        (b"\x09\x80\0\0\0\0", 1002),  # a ping in fragments
        (b"\x80\x80\0\0\0\0", 1002),  # a continuation of nothing
        (b"\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b", 1002),  # a new message inside one
        (b"\x81\xff" + (MAX_SOCKET_MESSAGE + 1).to_bytes(8, "big") + b"\0\0\0\0", 1009),
        (b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0", 1009),
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007),
        (b"\x82\x82\0\0\0\0{}", 4400),
    ],
)
def test_a_violation_ends_the_connection_with_its_code(data: bytes, code: int) -> None:
    def story() -> None:
        opened = _open()

        opened.feed(data)

        assert opened.close_code() == code
        assert opened.gateway.heard == []

    _run(story)


def test_fragments_together_are_no_larger_than_a_message() -> None:
    def story() -> None:
        opened = _open()
        piece = b"x" * 60_000

        opened.feed(_bytes([Frame(Opcode.TEXT, piece, fin=False), Frame(Opcode.CONT, piece, fin=False), Frame(Opcode.CONT, piece)]))

        assert opened.close_code() == 1009
        assert opened.gateway.heard == []

    _run(story)


def test_a_message_that_is_waited_for_holds_back_those_behind_it() -> None:
    async def story() -> None:
        opened = _open()

        opened.feed(_bytes([Frame(Opcode.TEXT, word) for word in (b"one", b"wait", b"two")]))
        opened.feed(_bytes([Frame(Opcode.TEXT, b"three")]))

        assert opened.gateway.heard == ["one", "wait"]
        assert not opened.wire.reading

        opened.gateway.release.set()
        for _ in range(4):
            await asyncio.sleep(0)
        assert opened.gateway.heard == ["one", "wait", "two", "three"]
        assert opened.wire.reading

    asyncio.run(story())


def test_a_goodbye_is_answered_and_nothing_after_it_is_heard() -> None:
    def story() -> None:
        opened = _open()

        opened.feed(_bytes([Frame(Opcode.CLOSE, Close(1001, "away").serialize()), Frame(Opcode.TEXT, b"late")]))

        assert opened.close_code() == 1001
        assert opened.wire.closing
        assert opened.gateway.heard == []

    _run(story)


def test_after_our_goodbye_the_line_ends_when_the_client_answers() -> None:
    def story() -> None:
        opened = _open()

        opened.gateway.connection.close(4401, "signed_out")
        closing_at_once = opened.wire.closing
        opened.feed(_bytes([Frame(Opcode.TEXT, b"late"), Frame(Opcode.CLOSE, Close(4401, "").serialize())]))

        assert opened.close_code() == 4401
        assert (closing_at_once, opened.wire.closing) == (False, True)
        assert opened.gateway.heard == []

    _run(story)


def test_a_slow_reader_gets_no_more_until_it_reads() -> None:
    def story() -> None:
        opened = _open()
        opened.protocol.pause_writing()

        assert opened.protocol.write(b"[1]") is False
        opened.protocol.resume_writing()
        assert opened.protocol.write(b"[2]") is True

        assert [bytes(frame.data) for frame in opened.said()] == [b"[2]"]

    _run(story)


@pytest.mark.parametrize("frame", [Frame(Opcode.PING, b""), Frame(Opcode.CONT, b"", fin=False)])
def test_frames_that_say_nothing_cost_the_allowance_too(frame: Frame) -> None:
    def story() -> None:
        opened = _open()
        opened.gateway.tokens = 50

        opened.feed(_bytes([Frame(Opcode.TEXT, b"", fin=False), *[frame] * 60]))

        assert opened.close_code() == 4429
        pongs = [said for said in opened.said() if said.opcode is Opcode.PONG]
        assert len(pongs) == (49 if frame.opcode is Opcode.PING else 0)
        assert opened.gateway.heard == []

    _run(story)


def test_who_pings_and_does_not_read_is_cut_off() -> None:
    def story() -> None:
        opened = _open()
        opened.protocol.pause_writing()

        opened.feed(_bytes([Frame(Opcode.PING, b"x" * 100)] * 3))

        assert opened.wire.closing
        assert opened.wire.written == b""

    _run(story)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_frames_of_every_size_are_written_as_a_client_reads_them(size: int) -> None:
    def story() -> None:
        opened = _open()

        opened.protocol.write(b"x" * size)

        client = Protocol(cast("Any", ClientProtocol(_URI).side), max_size=None)
        client.receive_data(opened.wire.written)
        [frame] = [event for event in client.events_received() if isinstance(event, Frame)]
        assert (frame.opcode, len(frame.data)) == (Opcode.TEXT, size)

    _run(story)


def test_what_the_library_refuses_to_serialize_is_no_frame() -> None:
    with pytest.raises(ProtocolError):
        Frame(Opcode.PING, b"x" * 126).serialize(mask=True)
