"""What strangers might say over sockets and polls, as data: who comes, what each says, in which order.

Values that only exist in a running world (ids, tokens, files) are references, which `frame_stage.py` fills in for who speaks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec
from hypothesis import strategies as st

from qiatan.entrypoints.entrance import Hello
from qiatan.infra.realtime.doors import Frame

Side = Literal["ours", "theirs"]
Kind = Literal["conversation", "message", "file", "picture", "person", "token", "view", "words", "note"]


@dataclass(frozen=True)
class Ref:
    """Something of the world: of the speaker's enterprise, or of the other one. `which` tells several apart."""

    kind: Kind
    side: Side = "ours"
    which: str = ""


@dataclass(frozen=True)
class Raw:
    """JSON that no encoder of ours would write: `NaN`, and `times` over: ten thousand brackets."""

    piece: str
    times: int = 1
    head: str = ""
    tail: str = ""

    @property
    def text(self) -> str:
        return self.head + self.piece * self.times + self.tail


@dataclass(frozen=True)
class Who:
    """One client. `house`: of which of the two enterprises; `role`: who they are there."""

    house: int
    role: str
    polls: bool

    def __str__(self) -> str:
        return f"{self.role} of {self.house}{' by polling' if self.polls else ''}"


@dataclass(frozen=True)
class Come:
    """Open a connection, or another one in place of the last. `hello`: what is said first, if anything."""

    who: Who
    hello: dict[str, Any] | None


@dataclass(frozen=True)
class Say:
    """Frames in one go; the next is not held back until one is answered. `escaped`: how text is written in JSON."""

    who: Who
    frames: tuple[dict[str, Any] | Raw, ...]
    escaped: bool = True


@dataclass(frozen=True)
class Leave:
    """The line is cut, whatever is on its way."""

    who: Who


@dataclass(frozen=True)
class Steal:
    """Frames to the other's polling connection, with one's own proof of who one is."""

    who: Who
    other: Who


@dataclass(frozen=True)
class End:
    """An administrator ends a conversation of their house meanwhile."""

    house: int
    which: str


Step = Come | Say | Leave | Steal | End
Script = list[tuple[Step, ...]]
"""The steps of one group happen at the same moment."""

AGENTS = ("admin", "server", "colleague", "narrow", "team", "powerless", "view", "enrolling")
VISITORS = ("guest", "second")
ROLES = (*AGENTS, *VISITORS, "nobody")
CONVERSATIONS = ("guest", "second", "ended", "unknown")
MESSAGES = 6

sides = st.sampled_from(get_args(Side))
conversations = st.builds(Ref, st.just("conversation"), sides, st.sampled_from(CONVERSATIONS))
own_conversations = st.builds(Ref, st.just("conversation"), st.just("ours"), st.sampled_from(("guest", "second")))
messages = st.builds(Ref, st.just("message"), st.just("ours"), st.integers(0, MESSAGES - 1).map(str))
persons = st.builds(Ref, st.just("person"), sides, st.sampled_from(("server", "guest", "enterprise", "channel", "group")))
files = st.builds(Ref, st.just("file"), sides, st.sampled_from(("fresh", "sent")))
WORDS = {
    "plain": "你好",
    "code": "<b>&{{7*7}}",
    "odd": "\u202e👩‍👩‍👧‍👦",
    "longest": "字" * 4_900,
    "long": "字" * 5_001,
    "longer": "x" * 20_000,
    "none": " ",
}
words = st.builds(Ref, st.just("words"), st.just("ours"), st.sampled_from(sorted(WORDS)))
numbers = st.sampled_from((0, 1, 2, 3, 4, 5, 7, 2_000_000_000))
spans = st.fixed_dictionaries(
    {"text": words}, optional={"bold": st.booleans(), "href": st.sampled_from(("https://shop.example", "javascript:1"))}
)
blocks = st.one_of(
    st.fixed_dictionaries({"kind": st.just("paragraph"), "spans": st.lists(spans, max_size=3)}),
    st.fixed_dictionaries({"kind": st.just("list"), "items": st.lists(st.lists(spans, max_size=2), max_size=2)}),
    st.fixed_dictionaries(
        {"kind": st.just("picture"), "id": st.builds(Ref, st.just("picture"), sides), "width": numbers, "height": numbers}
    ),
)

GOOD: dict[str, st.SearchStrategy[Any]] = {
    "topic": st.sampled_from(("mine", "queue", "colleagues", "conversation")),
    "conversation_id": st.one_of(own_conversations, own_conversations, conversations),
    "client_message_id": messages,
    "kind": st.sampled_from(("text", "text", "text", "picture", "rich", "file")),
    "text": words,
    "file_id": files,
    "document": st.fixed_dictionaries({"blocks": st.lists(blocks, min_size=1, max_size=3)}),
    "seq": numbers,
    "reply_to": numbers,
    "asleep": st.booleans(),
    "protocol": st.just(1),
    # Never somebody else's as it is: whoever has it is that one.
    "token": st.builds(Ref, st.just("token"), sides, st.sampled_from(("own", "cut", "swapped", "unknown"))),
    "view_as": st.builds(Ref, st.just("view"), sides),
}
"""What a field of a frame may rightly hold, by its name."""

_deep = st.sampled_from((50, 5_000)).map(lambda depth: Raw("[", depth, tail="]" * depth))
_odd: st.SearchStrategy[Any] = st.sampled_from(
    (
        *(None, True, False, -1, 0, 1, 2**31, 2**63, 2**64, 10**40, -1.5, 1e308, 1e-9, "", "x", "mine", "\x00", "\ud800", "1"),
        *("00000000-0000-0000-0000-000000000000", "{123}", "' OR 1=1 --", "{{7*7}}", "../../etc", [], {}, [None], {"": {"": []}}),
        *(Raw("NaN"), Raw("-Infinity"), Raw("1e999"), Raw("{}"), Raw('{"type":"ping"}'), Raw("01"), Raw("z", 66_000, '"', '"')),
    )
)
odd = st.one_of(_odd, _odd, _odd, persons, conversations, _deep, words)
odd_words = odd.filter(lambda value: not isinstance(value, Ref) or value.side == "ours")

FRAMES: tuple[type[Frame], ...] = tuple(sorted(Frame.__subclasses__(), key=lambda kind: kind.__name__))
assert Hello in FRAMES
_TALK = ("send", "send", "send", "withdraw", "edit", "read", "subscribe", "typing", "viewing")


def tag_of(frame: type[Frame]) -> str:
    return str(frame.__struct_config__.tag)


_BY_TAG = {tag_of(frame): frame for frame in FRAMES}


def fields_of(frame: type[Frame]) -> dict[str, bool]:
    """Its fields, and whether each is required."""
    return {field.name: field.required for field in msgspec.structs.fields(frame)}


@st.composite
def good_frames(draw: st.DrawFn) -> dict[str, Any]:
    """A frame as the decoder wants it; whether it may be sent, and now, is another matter."""
    frame = _BY_TAG[draw(st.one_of(st.sampled_from(_TALK), st.sampled_from(sorted(_BY_TAG))))]
    fields = fields_of(frame)
    said: dict[str, Any] = {"type": tag_of(frame)}
    for name, required in fields.items():
        if required or draw(st.booleans()):
            said[name] = draw(GOOD[name])
    if said["type"] == "send" and said.get("kind", "text") == "text" and draw(st.integers(0, 3)):
        said.pop("file_id", None), said.pop("document", None)
        said["text"] = draw(words)
    return said


@st.composite
def note_edits(draw: st.DrawFn) -> dict[str, Any]:
    """Another text for a note, by whoever: its words are for agents only."""
    return {"type": "edit", "client_message_id": draw(messages), "conversation_id": Ref("conversation", "ours", "guest")} | {
        "seq": Ref("note"),
        "text": Ref("words", "ours", "internal"),
    }


@st.composite
def bad_frames(draw: st.DrawFn) -> dict[str, Any]:
    """A frame in which something is not as it should be: a value, a name, too much or too little."""
    said = draw(good_frames())
    for _ in range(draw(st.integers(1, 2))):
        names = sorted(said)
        match draw(st.sampled_from(("value", "value", "value", "missing", "more", "type"))):
            case "value":
                name = draw(st.sampled_from(names))
                # What somebody writes is told to their colleagues: an id of the other enterprise in it would say nothing about us.
                said[name] = draw(odd_words if name == "text" else odd)
            case "missing":
                said.pop(draw(st.sampled_from(names)), None)
            case "more":
                said[draw(st.sampled_from(("enterprise_id", "sender_id", "seq", "via", "__proto__", "", "type ")))] = draw(odd)
            case _:
                said["type"] = draw(st.sampled_from(("ack", "message", "bye", "welcome", "HELLO", "", "error", "ping\x00", "note", "end")))
        said = said or {"type": "ping"}
    return said


raws = st.sampled_from(
    (
        *("", " ", "null", "true", "0", '"ping"', "[]", "{}", "[[]]", "{", '{"type"', "\ufeff{}", "nonsense", "\x00", "ping\n"),
        *('[{"type":"ping"}]', '{"type":"ping"}{"type":"ping"}', '{"type":"ping","type":"ping"}', '{"type":"ping","type":"nothing"}'),
        *('{"type":"page","asleep":1e0}', "\ud800", '{"type":"ping","":""}'),
        *('{"type":"read","conversation_id":"x","seq":1e400}', '{"type":"page","asleep":"\\ud800"}', "{'type':'ping'}"),
    )
).map(Raw)
huge = st.sampled_from((Raw("[", 30_000), Raw('{"a":', 10_000), Raw("x", 70_000), Raw("y", 60_000, '{"type":"typing","text":"', '"}')))

says = st.one_of(good_frames(), good_frames(), good_frames(), good_frames(), note_edits(), bad_frames(), bad_frames(), raws, huge)


@st.composite
def hellos(draw: st.DrawFn, who: Who) -> dict[str, Any] | None:
    """What one says first: mostly what is right for who they are."""
    rightly: dict[str, Any] = {"type": "hello", "protocol": 1}
    if who.role in VISITORS:
        rightly["token"] = Ref("token", "ours", "own")
    if who.role == "view":
        rightly["view_as"] = Ref("view", "ours")
    match draw(st.integers(0, 9)):
        case 0:
            return None
        case 1:
            return rightly | {
                draw(st.sampled_from(("token", "view_as", "protocol", "x"))): draw(st.one_of(odd, GOOD["token"], GOOD["view_as"]))
            }
        case _:
            return rightly


def _aimed(draw: st.DrawFn, who: Who, frame: dict[str, Any] | Raw) -> dict[str, Any] | Raw:
    """Visitors never name the conversation and agents always do; mostly that is kept, so that more than the refusal is tried."""
    if isinstance(frame, Raw) or frame.get("type") != "send" or draw(st.integers(0, 3)) == 0:
        return frame
    if who.role in VISITORS:
        return {name: value for name, value in frame.items() if name != "conversation_id"}
    return {"conversation_id": draw(own_conversations), **frame}


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """A few clients of both enterprises, and what they do."""
    everybody = st.builds(Who, st.integers(0, 1), st.one_of(st.sampled_from(ROLES), st.sampled_from(("server", "guest"))), st.booleans())
    cast = draw(st.lists(everybody, min_size=2, max_size=5, unique=True))
    one = st.sampled_from(cast)
    script: Script = [tuple(Come(who, draw(hellos(who))) for who in cast)]

    def step() -> Step:
        who = draw(one)
        match draw(st.integers(0, 19)):
            case 0:
                return Come(who, draw(hellos(who)))
            case 1:
                return Leave(who)
            case 2:
                return Steal(who, draw(one))
            case 3:
                return End(draw(st.integers(0, 1)), draw(st.sampled_from(("guest", "second"))))
            case _:
                said = [_aimed(draw, who, frame) for frame in draw(st.lists(says, min_size=1, max_size=5))]
                return Say(who, tuple(said), draw(st.booleans()))

    for _ in range(draw(st.integers(1, 6))):
        script.append(tuple(step() for _ in range(draw(st.sampled_from((1, 1, 2, 3))))))
    return script


def encoded(value: Any, *, escaped: bool) -> str:
    """JSON, with what is raw as it is. Lone surrogates can only be written as escapes."""
    found: list[str] = []

    def mark(item: Any) -> Any:
        if isinstance(item, Raw):
            found.append(item.text)
            return f"@raw {len(found) - 1}@"
        if isinstance(item, dict):
            return {key: mark(inner) for key, inner in item.items()}
        return [mark(inner) for inner in item] if isinstance(item, list) else item

    if isinstance(value, Raw):
        return value.text
    marked = mark(value)
    text = json.dumps(marked, ensure_ascii=escaped or "\\ud800" in json.dumps(marked))
    for number, raw in enumerate(found):
        text = text.replace(f'"@raw {number}@"', raw)
    return text
