"""What strangers might put into calls, drawn from the description of the API: values that fit, such as lie just beside, and such as fit nowhere.

Ids, versions and secrets only exist in a running world: they are references, which `call_stage.py` fills in for who calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from qiatan.entrypoints.registry import CATALOGUE
from tests.guarantees.frame_scripts import Raw
from tests.support import chance
from tests.support.chance import Draw, Pick
from tests.support.factories import PASSWORD
from tests.support.routes import description

DESCRIBED = description()
SCHEMAS: dict[str, Any] = DESCRIBED["components"]["schemas"]
_LONGEST = 20_000
"""A text is drawn at its longest only up to here: a megabyte of it in each example would show nothing more."""


@dataclass(frozen=True)
class Id:
    """Of something of `kind` (as paths name it), in the caller's enterprise or the other one. `nth` 0: what they have just made, or the world's."""

    kind: str
    side: Literal["ours", "theirs", "unknown"] = "ours"
    nth: int = 0


@dataclass(frozen=True)
class Version:
    """Of what the call changes, as it is now, or so many beside it."""

    off: int = 0


@dataclass(frozen=True)
class Known:
    """Something that was told to somebody before: a token of a link, a challenge, a code, a cursor; or something new each time."""

    what: Literal["link", "challenge", "totp", "recovery", "cursor", "email", "new_email", "message", "key", "colleague"]
    which: int = 0


@dataclass(frozen=True)
class Words:
    """Text, with the mark of the caller's enterprise in it, so that a leak of it would show."""

    text: str


KINDS = (
    *("agent_id", "group_id", "role_id", "session_id", "key_id", "passkey_id", "channel_id", "conversation_id", "file_id", "customer_id"),
    *(
        "tag_id",
        "tag_group_id",
        "field_id",
        "note_id",
        "reply_id",
        "reply_group_id",
        "picture_id",
        "offer_id",
        "simulation_id",
        "upload_id",
    ),
    "enterprise_id",
)
_ORDERED = {
    "order_tags": "tag_id",
    "order_tag_groups": "tag_group_id",
    "order_customer_fields": "field_id",
    "order_replies": "reply_id",
    "order_reply_groups": "reply_group_id",
}
_OTHERWISE = {"member_id": "agent_id", "mention": "agent_id", "order": "agent_id", "last_agent_id": "agent_id", "actor_id": "agent_id"}
_SECRET = "another long password"
_TIMES = (
    *("2026-03-02T05:00:00Z", "2026-03-02T03:00:00Z", "2030-01-01T00:00:00+08:00", "2026-03-02T04:00:00.123456789Z", "2026-03-02T04:00:00"),
    *(
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "1e10",
        "253402300800",
        "0",
    ),
    "2026-03-02T24:00:00Z",
)
_DAYS = ("2026-03-02", "2026-02-29", "0001-01-01", "9999-12-31", "2026-03-01", "2020-01-01")
_POINTS = tuple(point.name for point in CATALOGUE)
_PAGES = (
    "https://shop.example/cups?a=1#b",
    "http://shop.example",
    "javascript:alert(1)",
    "https://[",
    "x" * 3_000,
    "https://例え.jp/杯子",
    "//x",
    "",
)


def _mostly(values: Sequence[Any]) -> Pick:
    """The first of these, which is right, more often than any other."""
    return chance.one_of(chance.just(values[0]), chance.sampled_from(values))


NAMED: dict[str, Pick] = {
    "version": chance.builds(Version, _mostly((0, 0, 0, 0, 0, 0, 1, -1, 10**6))),
    "client_message_id": chance.builds(Known, chance.just("message"), chance.integers(0, 40)),
    "email": chance.builds(Known, chance.sampled_from(("email", "new_email", "new_email")), chance.integers(0, 5)),
    "password": _mostly((PASSWORD, PASSWORD, _SECRET, "short", "p" * 1_100, "字" * 70)),
    "current_password": _mostly((PASSWORD, PASSWORD, _SECRET)),
    "new_password": _mostly((PASSWORD, _SECRET, "short", "\x00" * 12)),
    "token": chance.builds(Known, chance.just("link")),
    "challenge": chance.builds(Known, chance.just("challenge")),
    "code": chance.builds(Known, chance.just("totp")),
    "totp": chance.builds(Known, chance.just("totp")),
    "recovery_code": chance.builds(Known, chance.just("recovery")),
    "after": chance.builds(Known, chance.just("cursor")),
    "color": _mostly(("#3357cc", "#fff", "red", "#3357CC;x")),
    "timezone": _mostly(
        ("Asia/Shanghai", "Europe/London", "UTC", "Mars/Phobos", "../../etc/passwd", "Asia", "posixrules", "asia/shanghai", "x" * 60)
    ),
    "issuer": _mostly(
        ("https://127.0.0.1/other", "http://127.0.0.1", "https://[::1]/", "https://x@127.0.0.1", "https://127.0.0.1:99999", "https://")
    ),
    "url": _mostly(("http://127.0.0.1/", "http://[", "file:///etc/passwd", "http://169.254.1.1/", "http://127.0.0.1:0/", "http://a b/")),
    "endpoint": _mostly(("https://1.1.1.1/push", "https://127.0.0.1/push", "http://1.1.1.1/", "https://[::1]/", "https://x" * 20)),
    "p256dh": chance.just("BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"),
    "auth": _mostly(("AAAAAAAAAAAAAAAAAAAAAA", "AAAA", "=" * 22, "é" * 22)),
    "address": _mostly(("192.0.2.1", "::1", "10.0.0.0/33", "::ffff:10.0.0.1", "fe80::1%eth0", "1", "10.0.0.1.", "٣.0.0.1")),
    "first": _mostly(("192.0.2.0/24", "10.0.0.1", "::1", "0.0.0.0/0", "::/0", "10.0.0.1/8", "x")),
    "last": _mostly((None, "192.0.2.9", "::2", "10.0.0.0")),
    "region": _mostly(("CN", "中国", "CN/浙江/杭州", "XX", "/", "CN//")),
    "parent": _mostly(("CN", "CN/浙江", "XX", "", "/")),
    "agent": chance.builds(Id, chance.just("agent_id"), _mostly(("ours", "ours", "theirs", "unknown")), chance.integers(0, 2)),
    "group": chance.builds(Id, chance.just("group_id"), _mostly(("ours", "ours", "theirs", "unknown")), chance.integers(0, 2)),
    "point": chance.sampled_from((*_POINTS, *_POINTS, "no.such", "")),
    "start": _mostly(("09:00", "00:00", "18:00", "23:59")),
    "until": _mostly(("18:00", "24:00", "09:00", "00:00")),
    "day": _mostly(_DAYS),
    "seconds": _mostly((30, 60, 3_600, 0, -1, 2**31, 2**63)),
    "conversations": _mostly((10, 11, 9)),
    "per_hour": _mostly((1, 60, 5_000)),
    "href": _mostly(("https://shop.example", "mailto:a@b.example", "tel:+86", "javascript:1", "https://", " https://x")),
    "page_url": _mostly(_PAGES),
    "referrer": _mostly(_PAGES),
    "landing_page": _mostly(_PAGES[:4]),
    "allowed_site": _mostly(("shop.example", "*.shop.example", "https://shop.example:8080", "*", "[", "例え.jp", "..")),
    "locale": _mostly(("zh-CN", "en")),
    "offset": _mostly((0, 0, 0, 0, 1, 3, 52_428_800)),
    "sha256": _mostly((None, None, "0" * 64)),
    "hello": _mostly(
        ({"type": "hello", "protocol": 1}, {"type": "hello", "protocol": 2}, {}, {"type": "send"}, {"type": "hello", "token": "x"})
    ),
    "frame": _mostly(({"type": "ping"}, {"type": "subscribe", "topic": "mine"}, {"type": "x"}, {})),
    "q": _mostly(("这个", "a", "%", "_", "\\", "'", "x" * 100, "x" * 101, " ", "访客", "\u202e", "(?", "13800000000", "a@b")),
    "value": _mostly(("shop", "*", "?" * 200, "[", "(a+)+$", "*a" * 60, "CN", "desktop", "\\", "zh")),
    "credential": _mostly(({}, {"id": "x", "rawId": "x", "response": {}, "type": "public-key"}, {"response": {"clientDataJSON": "e30"}})),
}
"""What a field may rightly hold, or nearly, by its name (of one, where it is a list), where the description does not say it."""

ODD_TEXTS = (
    "\u202e👩‍👩‍👧‍👦",
    "<b>&{{7*7}}",
    "' OR 1=1 --",
    "\x00",
    "a\x00b",
    "\ud800",
    "\r\nX: y",
    "=cmd|' /C calc'!A0",
    "\ufeff",
    "\u2028",
    "\x1b[31m",
    " ",
    "İı",
    "ﬃ",
)
_ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        2**31,
        2**63,
        2**64,
        -(2**63) - 1,
        10**40,
        -1.5,
        1e308,
        1e-9,
        "",
        "x",
        "1",
        [],
        {},
        [None],
        {"": {"": []}},
        [[[]]],
    ),
    *("00000000-0000-0000-0000-000000000000", "{123}", "mine", "../../etc", "true", "NaN", *ODD_TEXTS),
    *(
        Raw("NaN"),
        Raw("-Infinity"),
        Raw("1e999"),
        Raw("-0"),
        Raw("01"),
        Raw("1" * 5_000),
        Raw("z", 66_000, '"', '"'),
        Raw("[", 50, tail="]" * 50),
    ),
    *(Raw("[", 90_000, tail="]" * 90_000), Raw('{"a":', 5_000, tail="1" + "}" * 5_000), Raw("0,", 20_000, "[", "0]"), Raw('""')),
)
odd = chance.one_of(
    chance.sampled_from(_ODD),
    chance.builds(Id, chance.sampled_from(KINDS), chance.sampled_from(("ours", "theirs", "unknown")), chance.integers(0, 3)),
)
sides = chance.sampled_from((*["ours"] * 16, "theirs", "theirs", "unknown"))


def id_kind(name: str, operation: str) -> str | None:
    """Of what a field called so holds the id."""
    if name in ("id", "ids"):
        return _ORDERED.get(operation) or ("picture_id" if name == "id" else None)
    single = name.removesuffix("s")
    single = _OTHERWISE.get(single, single)
    if single == "group_id":
        return "tag_group_id" if "tag" in operation else "reply_group_id" if "repl" in operation else "group_id"
    return single if single in KINDS else None


def value(draw: Draw, schema: dict[str, Any], name: str, operation: str, depth: int = 0) -> Any:
    """A value of this schema for the field of this name, mostly one that fits."""
    schema = _chosen(draw, schema)
    if schema.get("format") == "uuid" and name not in NAMED:
        return drawn_id(draw, name, operation)
    match schema.get("type"):
        case "null":
            return None
        case "array":
            return _list(draw, schema, name, operation, depth)
        case "object":
            return _object(draw, schema, name, operation, depth)
    if "const" in schema or "enum" in schema:
        return schema.get("const") or draw(chance.sampled_from(schema["enum"]))
    return draw(NAMED[name]) if name in NAMED else _plain(draw, schema)


def _chosen(draw: Draw, schema: dict[str, Any]) -> dict[str, Any]:
    """One of what it may be, seldom nothing."""
    while True:
        if "$ref" in schema:
            schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
        options = schema.get("anyOf") or schema.get("oneOf")
        if options is None:
            return schema
        some = [one for one in options if one.get("type") != "null"]
        schema = {"type": "null"} if len(some) < len(options) and draw(chance.integers(0, 5)) == 0 else draw(chance.sampled_from(some))


def _plain(draw: Draw, schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "boolean":
            return draw(chance.booleans())
        case "integer" | "number":
            return draw(_numbers(schema))
        case _:
            return _text(draw, schema)


def drawn_id(draw: Draw, name: str, operation: str) -> Id:
    kind = id_kind(name, operation)
    nth = draw(chance.sampled_from((0, 0, 0, 1, 2)))
    return (
        Id(kind, draw(sides), nth)
        if kind is not None
        else Id(draw(chance.sampled_from(KINDS)), draw(chance.sampled_from(("ours", "theirs", "unknown"))), nth)
    )


def _list(draw: Draw, schema: dict[str, Any], name: str, operation: str, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    most = min(schema.get("maxItems", 3), least + (3 if depth < 4 else 1))
    count = draw(chance.integers(least, most))
    if "maxItems" in schema and schema["maxItems"] <= 10 and draw(chance.integers(0, 12)) == 0:
        count = schema["maxItems"] + 1
    single = name if id_kind(name, operation) else name.removesuffix("s")
    return [value(draw, schema["items"], single, operation, depth + 1) for _ in range(count)]


def _object(draw: Draw, schema: dict[str, Any], name: str, operation: str, depth: int) -> Any:
    properties: dict[str, Any] = schema.get("properties", {})
    if not properties:
        if name in NAMED:
            return draw(NAMED[name])
        inner = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), True)
        if inner is True or not isinstance(inner, dict):
            return {}
        keys = ("web",) if "propertyNames" in schema else ("company", "phone", "plan", "send", "x" * 61, "a.b", "\x00", "__proto__", "")
        return {key: value(draw, inner, name, operation, depth + 1) for key in draw(chance.several(keys, 3))}
    required = schema.get("required", ())
    often = 2 if depth < 3 else 4
    return {
        field: value(draw, inner, field, operation, depth + 1)
        for field, inner in properties.items()
        if field in required or draw(chance.integers(0, often)) == 0
    }


def _numbers(schema: dict[str, Any]) -> Pick:
    """Inside of the bounds mostly, on them, and one beside."""
    least, most = int(schema.get("minimum", 0)), int(schema.get("maximum", 1_000))
    inside = chance.integers(least, min(most, least + 20))
    return chance.one_of(*[inside] * 7, chance.sampled_from((least, most, least - 1, most + 1)))


def _text(draw: Draw, schema: dict[str, Any]) -> Any:
    if schema.get("format") in ("date-time", "date"):
        times, days = _mostly(_TIMES), _mostly(_DAYS)
        return draw(times if schema["format"] == "date-time" else days)
    longest = schema.get("maxLength", 2_000)
    match draw(chance.integers(0, 40)):
        case 0 if longest <= _LONGEST:
            return "字" * longest
        case 1 if longest <= _LONGEST:
            return "字" * (longest + 1)
        case 2:
            return "👍" * min(longest, _LONGEST)
        case 3:
            return ""
        case 4 | 5:
            return draw(chance.sampled_from(ODD_TEXTS))
        case _:
            return Words(draw(chance.sampled_from(("杯子", "b", "c 3"))))


def changed(draw: Draw, body: Any) -> Any:
    """The body with something in it that is not as it should be: a value, a name, too much or too little."""
    places = list(_places(body))
    holder, key = draw(chance.sampled_from(places)) if places else (None, None)
    match draw(chance.sampled_from(("value", "value", "value", "missing", "more", "whole"))):
        case "value" if holder is not None:
            holder[key] = _instead_of(holder[key], draw(odd))
        case "missing" if isinstance(holder, dict):
            del holder[key]
        case "more" if isinstance(body, dict):
            body[draw(chance.sampled_from(("enterprise_id", "id", "version", "role", "__proto__", "", "sender_id", "\x00")))] = draw(odd)
        case "whole":
            return draw(odd)
    return body


def _instead_of(right: Any, wrong: Any) -> Any:
    """A text may hold another enterprise's id, and is then rightly shown with it: such an id only comes where an id should stand."""
    return replace(wrong, side="unknown") if isinstance(wrong, Id) and wrong.side == "theirs" and not isinstance(right, Id) else wrong


def _places(body: Any) -> Any:
    if isinstance(body, dict):
        for key, inner in body.items():
            yield body, key
            yield from _places(inner)
    elif isinstance(body, list):
        for index, inner in enumerate(body):
            yield body, index
            yield from _places(inner)
