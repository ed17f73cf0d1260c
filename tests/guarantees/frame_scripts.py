"""What strangers might say over sockets and polls, as data: who comes, what each says, in which order.

Values that only exist in a running world (ids, tokens, files) are references, which `frame_stage.py` fills in for who speaks.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

from qiatan.entrypoints.entrance import Hello
from qiatan.infra.realtime.doors import Frame
from tests.support import chance
from tests.support.chance import Draw, Pick

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

sides = chance.sampled_from(get_args(Side))
conversations = chance.builds(Ref, chance.just("conversation"), sides, chance.sampled_from(CONVERSATIONS))
own_conversations = chance.builds(Ref, chance.just("conversation"), chance.just("ours"), chance.sampled_from(("guest", "second")))
messages = chance.builds(Ref, chance.just("message"), chance.just("ours"), chance.mapped(chance.integers(0, MESSAGES - 1), str))
persons = chance.builds(Ref, chance.just("person"), sides, chance.sampled_from(("server", "guest", "enterprise", "channel", "group")))
files = chance.builds(Ref, chance.just("file"), sides, chance.sampled_from(("fresh", "sent")))
WORDS = {
    "plain": "你好",
    "code": "<b>&{{7*7}}",
    "odd": "\u202e👩‍👩‍👧‍👦",
    "longest": "字" * 4_900,
    "long": "字" * 5_001,
    "longer": "x" * 20_000,
    "none": " ",
}
words = chance.builds(Ref, chance.just("words"), chance.just("ours"), chance.sampled_from(sorted(WORDS)))
numbers = chance.sampled_from((0, 1, 2, 3, 4, 5, 7, 2_000_000_000))
spans = chance.dictionary(
    {"text": words}, {"bold": chance.booleans(), "href": chance.sampled_from(("https://shop.example", "javascript:1"))}
)
blocks = chance.one_of(
    chance.dictionary({"kind": chance.just("paragraph"), "spans": chance.lists(spans, 0, 3)}),
    chance.dictionary({"kind": chance.just("list"), "items": chance.lists(chance.lists(spans, 0, 2), 0, 2)}),
    chance.dictionary(
        {"kind": chance.just("picture"), "id": chance.builds(Ref, chance.just("picture"), sides), "width": numbers, "height": numbers}
    ),
)

GOOD: dict[str, Pick] = {
    "topic": chance.sampled_from(("mine", "queue", "colleagues", "conversation")),
    "conversation_id": chance.one_of(own_conversations, own_conversations, conversations),
    "client_message_id": messages,
    "kind": chance.sampled_from(("text", "text", "text", "picture", "rich", "file")),
    "text": words,
    "file_id": files,
    "document": chance.dictionary({"blocks": chance.lists(blocks, 1, 3)}),
    "seq": numbers,
    "reply_to": numbers,
    "asleep": chance.booleans(),
    "protocol": chance.just(1),
    # Never somebody else's as it is: whoever has it is that one.
    "token": chance.builds(Ref, chance.just("token"), sides, chance.sampled_from(("own", "cut", "swapped", "unknown"))),
    "view_as": chance.builds(Ref, chance.just("view"), sides),
}
"""What a field of a frame may rightly hold, by its name."""

_deep = chance.mapped(chance.sampled_from((50, 5_000)), lambda depth: Raw("[", depth, tail="]" * depth))
_odd = chance.sampled_from(
    (
        *(None, True, False, -1, 0, 1, 2**31, 2**63, 2**64, 10**40, -1.5, 1e308, 1e-9, "", "x", "mine", "\x00", "\ud800", "1"),
        *("00000000-0000-0000-0000-000000000000", "{123}", "' OR 1=1 --", "{{7*7}}", "../../etc", [], {}, [None], {"": {"": []}}),
        *(Raw("NaN"), Raw("-Infinity"), Raw("1e999"), Raw("{}"), Raw('{"type":"ping"}'), Raw("01"), Raw("z", 66_000, '"', '"')),
    )
)
odd = chance.one_of(_odd, _odd, _odd, persons, conversations, _deep, words)
odd_words = chance.such(odd, lambda value: not isinstance(value, Ref) or value.side == "ours")

FRAMES: tuple[type[Frame], ...] = tuple(sorted(Frame.__subclasses__(), key=lambda kind: kind.__name__))
assert Hello in FRAMES
_TALK = ("send", "send", "send", "withdraw", "edit", "read", "subscribe", "typing", "viewing")


def tag_of(frame: type[Frame]) -> str:
    return str(frame.__struct_config__.tag)


_BY_TAG = {tag_of(frame): frame for frame in FRAMES}


def fields_of(frame: type[Frame]) -> dict[str, bool]:
    """Its fields, and whether each is required."""
    return {field.name: field.required for field in msgspec.structs.fields(frame)}


def _good_frame(draw: Draw) -> dict[str, Any]:
    """A frame as the decoder wants it; whether it may be sent, and now, is another matter."""
    frame = _BY_TAG[draw(chance.one_of(chance.sampled_from(_TALK), chance.sampled_from(sorted(_BY_TAG))))]
    fields = fields_of(frame)
    said: dict[str, Any] = {"type": tag_of(frame)}
    for name, required in fields.items():
        if required or draw(chance.booleans()):
            said[name] = draw(GOOD[name])
    if said["type"] == "send" and said.get("kind", "text") == "text" and draw(chance.integers(0, 3)):
        said.pop("file_id", None), said.pop("document", None)
        said["text"] = draw(words)
    return said


def _note_edit(draw: Draw) -> dict[str, Any]:
    """Another text for a note, by whoever: its words are for agents only."""
    return {"type": "edit", "client_message_id": draw(messages), "conversation_id": Ref("conversation", "ours", "guest")} | {
        "seq": Ref("note"),
        "text": Ref("words", "ours", "internal"),
    }


def _bad_frame(draw: Draw) -> dict[str, Any]:
    """A frame in which something is not as it should be: a value, a name, too much or too little."""
    said = deepcopy(_good_frame(draw))
    for _ in range(draw(chance.integers(1, 2))):
        names = sorted(said)
        match draw(chance.sampled_from(("value", "value", "value", "missing", "more", "type"))):
            case "value":
                name = draw(chance.sampled_from(names))
                # What somebody writes is told to their colleagues: an id of the other enterprise in it would say nothing about us.
                said[name] = draw(odd_words if name == "text" else odd)
            case "missing":
                said.pop(draw(chance.sampled_from(names)), None)
            case "more":
                said[draw(chance.sampled_from(("enterprise_id", "sender_id", "seq", "via", "__proto__", "", "type ")))] = draw(odd)
            case _:
                said["type"] = draw(
                    chance.sampled_from(("ack", "message", "bye", "welcome", "HELLO", "", "error", "ping\x00", "note", "end"))
                )
        said = said or {"type": "ping"}
    return said


raws = chance.mapped(
    chance.sampled_from(
        (
            *("", " ", "null", "true", "0", '"ping"', "[]", "{}", "[[]]", "{", '{"type"', "\ufeff{}", "nonsense", "\x00", "ping\n"),
            *('[{"type":"ping"}]', '{"type":"ping"}{"type":"ping"}', '{"type":"ping","type":"ping"}', '{"type":"ping","type":"nothing"}'),
            *('{"type":"page","asleep":1e0}', "\ud800", '{"type":"ping","":""}'),
            *('{"type":"read","conversation_id":"x","seq":1e400}', '{"type":"page","asleep":"\\ud800"}', "{'type':'ping'}"),
        )
    ),
    Raw,
)
huge = chance.sampled_from((Raw("[", 30_000), Raw('{"a":', 10_000), Raw("x", 70_000), Raw("y", 60_000, '{"type":"typing","text":"', '"}')))

good_frames, bad_frames, note_edits = chance.composed(_good_frame), chance.composed(_bad_frame), chance.composed(_note_edit)
says = chance.one_of(*[good_frames] * 20, note_edits, bad_frames, bad_frames, bad_frames, raws, huge)


def _hello(draw: Draw, who: Who) -> dict[str, Any] | None:
    """What one says first: mostly what is right for who they are."""
    rightly: dict[str, Any] = {"type": "hello", "protocol": 1}
    if who.role in VISITORS:
        rightly["token"] = Ref("token", "ours", "own")
    if who.role == "view":
        rightly["view_as"] = Ref("view", "ours")
    match draw(chance.integers(0, 9)):
        case 0:
            return None
        case 1:
            return rightly | {
                draw(chance.sampled_from(("token", "view_as", "protocol", "x"))): draw(chance.one_of(odd, GOOD["token"], GOOD["view_as"]))
            }
        case _:
            return rightly


def _aimed(draw: Draw, who: Who, frame: dict[str, Any] | Raw) -> dict[str, Any] | Raw:
    """Visitors never name the conversation and agents always do; mostly that is kept, so that more than the refusal is tried."""
    if isinstance(frame, Raw) or frame.get("type") != "send" or draw(chance.integers(0, 3)) == 0:
        return frame
    if who.role in VISITORS:
        return {name: value for name, value in frame.items() if name != "conversation_id"}
    return {"conversation_id": draw(own_conversations), **frame}


def drawn_script(seed: int) -> Script:
    """A few clients of both enterprises, and what they do."""
    draw = Draw(seed)
    everybody = chance.builds(
        Who,
        chance.integers(0, 1),
        chance.one_of(chance.sampled_from(ROLES), chance.sampled_from(("server", "guest", "second", "colleague"))),
        chance.booleans(),
    )
    cast = [*dict.fromkeys(draw(chance.lists(everybody, 2, 6)))]
    one = chance.sampled_from(cast)
    script: Script = [tuple(Come(who, _hello(draw, who)) for who in cast)]

    def step() -> Step:
        who = draw(one)
        match draw(chance.integers(0, 19)):
            case 0 | 4:
                return Come(who, _hello(draw, who))
            case 1:
                return Leave(who)
            case 2:
                return Steal(who, draw(one))
            case 3:
                return End(draw(chance.integers(0, 1)), draw(chance.sampled_from(("guest", "second"))))
            case _:
                said = [_aimed(draw, who, frame) for frame in draw(chance.lists(says, 1, 5))]
                return Say(who, tuple(said), draw(chance.booleans()))

    for _ in range(draw(chance.integers(2, 8))):
        script.append(tuple(step() for _ in range(draw(chance.sampled_from((1, 1, 2, 3))))))
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
