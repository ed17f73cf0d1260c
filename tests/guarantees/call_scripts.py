"""What strangers might ask of the HTTP API, as data: who calls what with which values, in which order, and what at the same moment."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.guarantees.call_values import DESCRIBED, SCHEMAS, Id, Known, Version, changed, drawn_id, odd, value
from tests.guarantees.frame_scripts import Raw
from tests.guarantees.world import BODIES
from tests.support import chance
from tests.support.chance import Draw, Pick
from tests.support.factories import PASSWORD

AGENTS = ("admin", "server", "colleague", "narrow", "team", "powerless", "view", "enrolling", "program")
VISITORS = ("guest", "second")
ROLES = (*AGENTS, *VISITORS, "nobody")
_ACTIVE = ("admin",) * 20 + ("server",) * 6 + AGENTS
"""Mostly who may do much, as calls of who may not end soon."""


@dataclass(frozen=True)
class Operation:
    """A call that the API describes. `query`: schemas by name, and which are needed; `media` is None where it takes no body."""

    name: str
    method: str
    path: str
    query: dict[str, dict[str, Any]]
    needed: frozenset[str]
    media: str | None
    schema: dict[str, Any]

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def required(self) -> tuple[str, ...]:
        """Fields that the body has to have."""
        return tuple(SCHEMAS[self.schema["$ref"].rpartition("/")[2]].get("required", ())) if "$ref" in self.schema else ()


def _operation(path: str, method: str, described: dict[str, Any]) -> Operation:
    query = [one for one in described.get("parameters", ()) if one["in"] == "query"]
    media, body = next(iter(described.get("requestBody", {"content": {}})["content"].items()), (None, {"schema": {}}))
    return Operation(
        described["operationId"],
        method.upper(),
        path,
        {one["name"]: one["schema"] for one in query},
        frozenset(one["name"] for one in query if one.get("required")),
        media,
        body["schema"],
    )


OPERATIONS = {
    described["operationId"]: _operation(path, method, described)
    for path, methods in DESCRIBED["paths"].items()
    for method, described in methods.items()
}


@dataclass(frozen=True)
class File:
    """A form's file: which content, and what it is called."""

    which: str
    name: str


@dataclass(frozen=True)
class Call:
    """One request. `twice`: a field that stands in the body two times."""

    who: str
    name: str
    path: dict[str, Any]
    query: tuple[tuple[str, Any], ...]
    body: Any
    headers: tuple[tuple[str, bytes], ...]
    method: str
    twice: bool


Script = list[tuple[Call, ...]]
"""The calls of one group are made at the same moment."""

_MAKING = ("tag", "tag_group", "customer_field", "group", "role", "channel", "reply", "reply_group")
_MINE = ("send_own_message", "take_conversation", "take_over_conversation")
"""After these an administrator serves the visitor, whoever did before, if anybody."""
_UNSERVED = ("set_my_presence", "end_own_conversation", "send_own_message")
"""After these nobody serves the visitor: the colleague, who alone was there, is not."""
STORIES: tuple[tuple[str, ...], ...] = (
    ("join_conversation", "write_note", "list_mention_targets", "list_mentions", "read_mentions", "leave_conversation"),
    ("start_upload", "add_upload_part", "get_upload", "finish_upload", "send_message"),
    ("start_upload", "add_upload_part", "cancel_upload"),
    ("start_widget_upload", "add_widget_upload_part", "get_widget_upload", "finish_widget_upload", "send_own_message", "get_own_file_link"),
    ("start_widget_upload", "cancel_widget_upload"),
    ("upload_widget_file", "send_own_message", "list_own_messages", "get_own_file", "get_own_file_link"),
    ("upload_widget_file", "send_own_message", "get_conversation_file", "get_conversation_file_link"),
    ("upload_file", "send_message", "withdraw_message", "list_messages"),
    ("send_own_message", "evaluate_own_conversation", "get_own_evaluation", "mark_own_conversation_read", "end_own_conversation"),
    ("send_own_message", "withdraw_own_message", "list_own_conversations"),
    ("send_own_message", "get_queue", "get_queue_place", "take_conversation", "send_message", "end_conversation", "get_own_evaluation"),
    (*_UNSERVED, "take_conversation", "invite_evaluation", "evaluate_own_conversation"),
    (*_UNSERVED, "take_conversation", "take_over_conversation", "list_decisions"),
    ("put_wish", "send_own_message", "get_routing", "list_decisions", "leave_queue"),
    ("send_own_message", "take_conversation", "send_message", "edit_message", "withdraw_message", "mark_conversation_read"),
    ("invite_evaluation", "evaluate_own_conversation", "end_conversation"),
    ("list_transfer_targets", "list_transfer_offers", "accept_transfer_offer"),
    ("save_transfer_settings", *_MINE, "transfer_conversation", "refuse_transfer_offer"),
    ("save_transfer_settings", *_MINE, "transfer_conversation", "withdraw_transfer_offer"),
    (*_MINE, "transfer_conversation", "list_transfer_offers", "accept_transfer_offer"),
    ("list_presence", "take_over_conversation", "transfer_conversation"),
    ("block_customer", "list_blocked_customers", "send_own_message", "release_customers"),
    ("block_customer_of_conversation", "send_own_message"),
    ("write_customer_note", "change_customer_note", "list_customer_notes", "delete_customer_note"),
    ("change_customer", "list_customer_changes", "search_customers", "get_customer"),
    ("begin_totp", "confirm_totp", "make_recovery_codes", "remove_totp"),
    ("begin_totp", "confirm_totp", "make_recovery_codes", "sign_in", "give_second_factor"),
    ("begin_passkey", "add_passkey", "rename_passkey", "remove_passkey"),
    ("start_passkey_sign_in", "sign_in_by_passkey"),
    ("invite_agent", "look_up_invitation", "invite_agent_again", "look_up_invitation", "accept_invitation", "sign_in"),
    ("invite_agent", "withdraw_invitation"),
    ("reset_agent_password", "look_up_password_reset", "finish_password_reset", "sign_in"),
    ("sign_up", "sign_in", "sign_in_by_link"),
    ("list_own_sessions", "end_own_session", "end_other_sessions", "sign_out", "get_me"),
    ("set_avatar", "get_me", "get_avatar", "remove_avatar"),
    ("save_push", "get_push", "delete_push"),
    ("change_oidc", "get_oidc_sign_in", "start_oidc", "finish_oidc", "delete_oidc"),
    ("order_replies",),
    ("upload_reply_picture", "create_reply", "get_reply_picture", "note_reply_use", "list_replies"),
    ("import_replies", "export_replies", "list_replies"),
    ("open_poll", "poll"),
    ("open_widget_session", "show_widget_page", "set_visitor_metadata", "get_conversation_context"),
    ("save_assignment", "try_rules", "check_assignment", "start_simulation", "get_simulation"),
    ("save_hours", "get_hours", "read_calendar", "get_availability"),
    ("change_login_policy", "preview_login_policy", "try_address", "list_logins"),
    ("create_api_key", "revoke_api_key"),
    *(tuple(f"{verb}_{thing}" for verb in ("create", "change", "delete")) for thing in _MAKING if thing != "channel"),
    ("create_channel", "change_channel", "get_channel", "get_widget_config", "open_widget_session"),
    *(
        (f"create_{one}", f"create_{one}", f"order_{many}")
        for one, many in (("tag", "tags"), ("tag_group", "tag_groups"), ("reply", "replies"))
    ),
    ("create_customer_field", "order_customer_fields", "change_known_customer"),
)
"""Calls that lead to each other: alone most of them would find nothing to work on."""
_PARTS = {
    "save_transfer_settings": "admin",
    "transfer_conversation": "admin",
    "withdraw_transfer_offer": "admin",
    "accept_transfer_offer": "colleague",
    "refuse_transfer_offer": "colleague",
    "take_over_conversation": "admin",
    "set_my_presence": "colleague",
}
_EACH_TIME = {"email", "client_message_id"}
RIGHT: dict[str, dict[str, Any]] = BODIES | {
    "start_widget_upload": {"name": "图纸.pdf", "size": 3},
    "sign_up": {"enterprise_name": "新店", "name": "新人", "password": PASSWORD},
    "sign_in": {"email": Known("email"), "password": PASSWORD},
    "give_second_factor": {"totp": None, "recovery_code": Known("recovery"), "passkey": None},
    "accept_invitation": {"name": "新人", "password": PASSWORD},
    "finish_password_reset": {"password": PASSWORD},
    "confirm_totp": {},
    "put_wish": {"agents": ["{agent_id}"]},
    "transfer_conversation": {"agent_id": Known("colleague"), "group_id": None},
    "save_transfer_settings": {"settings": {"ask": True}, "version": 0},
}
"""Bodies that a rightful caller could send."""
_FILES = ("picture", "file")
_PUBLIC = re.compile(
    r"POST /api/v1/(session|signup|invitations|password-reset|widget/\{key\})"
    r"|GET /(api/v1/(session|instance|avatars|reply-pictures|widget/\{key\})|healthz|readyz)"
)

_ODD_PLACES = (
    "x",
    "%00",
    "..",
    ".",
    "x" * 5_000,
    "\u202e",
    "null",
    "-1",
    "0",
    "2147483648",
    "9" * 30,
    "1e3",
    "٣",
    " 4",
    "%2e%2e%2f",
    "\n",
    ";a=b",
    "{123}",
)
_HEADERS: tuple[tuple[str, bytes], ...] = (
    *(
        ("Authorization", one)
        for one in (b"Bearer x", b"Bearer ", b"Basic eDp4", b"Bearer qk_" + b"x" * 40, b"\xff\xfe", b"Bearer \xe4\xbd\xa0", b"x" * 9_000)
    ),
    *(("Cookie", one) for one in (b"qiatan_session=", b"qiatan_session=x; qiatan_session=y", b";=;\xff", b"a=" + b"b" * 9_000)),
    *(("X-Qiatan-View-As", one) for one in (b"x", b"", b"\xe9", b"eyJ.e30.x", b"." * 5_000)),
    *(("X-Qiatan-Csrf", one) for one in (b"", b"0", b"\xff")),
    *(("Origin", one) for one in (b"null", b"http://evil.example", b"http://qiatan.test", b"http://[", b"\xff")),
    *(
        ("Content-Type", one)
        for one in (b"text/plain", b"application/json; charset=utf-16", b"multipart/form-data", b"multipart/form-data; boundary=", b"")
    ),
    *(("Content-Type", one) for one in (b"application/x-www-form-urlencoded", b"application/json; charset=\xff", b"/" * 300)),
    *(("Accept-Language", one) for one in (b"en;q=x", b"*", b"zh-" * 3_000)),
    *(("If-None-Match", one) for one in (b"*", b'"', b"W/" * 400, b"\xff")),
    *(
        ("Range", one)
        for one in (b"bytes=0-0", b"bytes=-", b"bytes=9-1", b"items=0-", b"bytes=" + b"0-0," * 500, b"bytes=0-99999999999999999999")
    ),
    *(("X-Forwarded-For", one) for one in (b"1.2.3.4", b"x, ,", b"\xff")),
    *(("User-Agent", one) for one in (b"", b"\xff\x01", b"Mozilla/5.0 (" * 500)),
    ("Host", b"evil.example"),
    ("Referer", b"\xff"),
    ("X-Request-Id", b"x y"),
    ("traceparent", b"00-x-y-z"),
    ("Content-Encoding", b"gzip"),
    ("Expect", b"100-continue"),
    ("Content-Length", b"-1"),
    ("Last-Event-ID", b"\x7f"),
)
_BODIES = (
    *(
        b"",
        b" ",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"{",
        b'"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"a=b",
        b"--x\r\n\r\n",
        b"\x1f\x8b\x08\x00",
    ),
    *(b"[" * 100_000, b'{"a":' * 50_000, b" " * 1_100_000, b'{"\\u0000":1}', b'{"a":1,}', b"[1]" * 2, b'{"version":1e400}'),
)


def drawn_call(draw: Draw, who: str | None = None, name: str | None = None, *, faults: tuple[int, ...] = (0, 0, 0, 0, 0, 1, 1, 2)) -> Call:
    """One call. Most fit the description; in some there is something else somewhere: in so many places."""
    operation = OPERATIONS[name or draw(chance.sampled_from(sorted(OPERATIONS)))]
    caller = who or draw(callers(operation))
    path = {place: _place(draw, place, operation.name) for place in operation.places}
    query = {
        parameter: value(draw, schema, parameter, operation.name)
        for parameter, schema in operation.query.items()
        if parameter in operation.needed or draw(chance.integers(0, 2)) == 0
    }
    body, twice, method = _body(draw, operation), False, operation.method
    headers: tuple[tuple[str, bytes], ...] = ()
    for _ in range(draw(chance.sampled_from(faults))):
        match draw(
            chance.sampled_from(("path", "query", "query", "body", "body", "body", "body", "raw", "twice", "header", "header", "method"))
        ):
            case "path" if path:
                path[draw(chance.sampled_from(sorted(path)))] = draw(
                    chance.one_of(chance.sampled_from(_ODD_PLACES), chance.such(odd, _is_said))
                )
            case "query":
                names = (*sorted(operation.query), "limit", "after", "x", "enterprise_id")
                query[draw(chance.sampled_from(names))] = draw(chance.such(odd, _is_said))
            case "body" if isinstance(body, dict):
                body = changed(draw, deepcopy(body))
            case "raw" if operation.media is not None:
                body = draw(chance.sampled_from(_BODIES))
            case "twice":
                twice = True
            case "header":
                headers = (*headers, draw(chance.sampled_from(_HEADERS)))
            case "method":
                method = draw(chance.sampled_from(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "X" * 40)))
    return Call(caller, operation.name, path, tuple(query.items()), body, headers, method, twice)


def callers(operation: Operation) -> Pick:
    """Mostly somebody whom the call is for."""
    everybody = chance.sampled_from(ROLES)
    if is_public(operation):
        return everybody
    right = VISITORS if "/widget/" in operation.path else _ACTIVE
    return chance.one_of(chance.sampled_from(right), chance.sampled_from(right), chance.sampled_from(right), everybody)


def drawn_script(seed: int) -> Script:
    """Calls of one enterprise's people: some lead to each other, some are any at all."""
    draw = Draw(seed)
    script: Script = []
    for _ in range(draw(chance.integers(4, 9))):
        if draw(chance.booleans()):
            agent, visitor = draw(chance.sampled_from(_ACTIVE)), draw(chance.sampled_from(VISITORS))
            for name in draw(chance.sampled_from(STORIES)):
                who = caller_in_story(OPERATIONS[name], agent, visitor)
                script.append((drawn_call(draw, who, name, faults=(0, 0, 0, 0, 0, 0, 0, 1)),))
        else:
            count = draw(chance.sampled_from((1, 2, 3, 5, 8)))
            same = draw(chance.sampled_from(sorted(OPERATIONS))) if draw(chance.integers(0, 3)) == 0 else None
            script.append(tuple(drawn_call(draw, name=same) for _ in range(count)))
    return script


def caller_in_story(operation: Operation, agent: str, visitor: str) -> str:
    """Whom of these the call is for; nobody where anybody may make it, and one of their own where two have to play together."""
    if is_public(operation):
        return "nobody"
    return visitor if "/widget/" in operation.path else _PARTS.get(operation.name, agent)


def is_public(operation: Operation) -> bool:
    return _PUBLIC.match(f"{operation.method} {operation.path}") is not None


def _place(draw: Draw, place: str, operation: str) -> Any:
    if place in NAMED_PLACES:
        return draw(NAMED_PLACES[place])
    return drawn_id(draw, place, operation)


NAMED_PLACES: dict[str, Pick] = {
    "name": chance.sampled_from(("0" * 32, "avatar")),
    "poll_id": chance.just("poll"),
    "key": chance.just("key"),
    "seq": chance.one_of(chance.integers(1, 6), chance.just("seq")),
}
"""What stands in a path and is no id: words that the stage replaces by what there is."""


def _body(draw: Draw, operation: Operation) -> Any:
    match operation.media:
        case None:
            return None
        case "application/json":
            return _json(draw, operation)
        case "multipart/form-data":
            return File(
                draw(chance.sampled_from(("right", "right", "right", "png", "cut", "empty", "csv", "sheet", "zip", "wide"))),
                draw(chance.sampled_from(("a.png", "", "\x00", "../../a.png", 'a";x="', "字" * 300, "a.xlsx", "\r\nX: y"))),
            )
        case _:
            return draw(chance.sampled_from((b"abc", b"abc", b"abc", b"", b"abcd", b"x" * 5_000_000, b"\xff" * 100)))


def _json(draw: Draw, operation: Operation) -> Any:
    """What the description allows, or what a rightful caller sends, or that with more of what is allowed."""
    drawn = value(draw, operation.schema, "body", operation.name)
    if operation.name not in RIGHT or not isinstance(drawn, dict):
        return drawn
    right = right_body(operation.name, draw(chance.sampled_from((None, None, *_FILES))))
    few = {name: one for name, one in drawn.items() if name in operation.required}
    return draw(chance.sampled_from((drawn, drawn | right, few | right, few | right)))


def right_body(operation: str, kind: str | None) -> dict[str, Any]:
    """What a rightful caller sends, but for what is another each time. `kind`: a message is no text, but this, uploaded before."""
    chosen = RIGHT[operation]
    if kind is not None and operation in ("send_message", "send_own_message"):
        chosen = {"kind": kind, "file_id": "{file_id}", "text": None, "document": None}
    return {name: _referenced(one, name) for name, one in chosen.items() if name not in _EACH_TIME or isinstance(one, Known)}


def _referenced(one: Any, name: str) -> Any:
    if isinstance(one, list):
        return [_referenced(inner, name) for inner in one]
    if name == "version":
        return Version()
    return Id(one[1:-1]) if isinstance(one, str) and one.startswith("{") else one


def _is_said(thing: Any) -> bool:
    """Whether it can stand in an address."""
    return not isinstance(thing, dict | list | Raw)


assert {name for story in STORIES for name in story} <= OPERATIONS.keys(), {name for story in STORIES for name in story} - OPERATIONS.keys()
