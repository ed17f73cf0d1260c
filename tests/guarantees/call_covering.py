"""Every call until it goes well for somebody: what only ever is refused, no story of strangers gets behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from tests.guarantees.call_scripts import OPERATIONS, RIGHT, STORIES, Call, caller_in_story, drawn_call, right_body
from tests.guarantees.call_values import Id, Known
from tests.support import chance
from tests.support.chance import Draw

PARTS = 3
"""Houses that share the stories, so that what one story takes away the next one seldom needs."""
_TRIES = 8
_STEADY = 4
"""So many of the tries are made as by people who know what they do."""
_CALLERS = (("admin", "guest"), ("server", "guest"), ("admin", "second"), ("colleague", "second"))
"""The agent and the visitor of each try: who may do most, then those who serve the two visitors."""
_LAST = {"end_own_conversation", "end_conversation", "block_customer", "block_customer_of_conversation", "change_login_policy"}
"""They take from the stories after them what these are about, or lock people out."""
_KINDS = {"upload_": "picture", "finish_": "file"}
"""What a message holds after a call whose name begins so."""
_TOLD = {name for story in STORIES for name in story}
_ALL = sorted((*STORIES, *((name,) for name in sorted(OPERATIONS.keys() - _TOLD))), key=lambda story: not _LAST.isdisjoint(story))


def covering_script(part: int, goes_well: Callable[[str], bool]) -> Iterator[tuple[Call, ...]]:
    """The part's stories, each once, and again with other values and by others while a call that no later one makes went well for nobody.

    The values hang on the story and on which try it is, so that a new route changes none of the others.
    """
    mine, others = _ALL[part::PARTS], [story for behind in range(part + 1, PARTS) for story in _ALL[behind::PARTS]]
    for place, story in enumerate(mine):
        later = {name for other in (*mine[place + 1 :], *others) for name in other}
        for number in range(_TRIES):
            if number and all(name in later or goes_well(name) for name in story):
                break
            agent, visitor = _CALLERS[number % len(_CALLERS)]
            draw = Draw(Random(f"{' '.join(story)} {number}"))
            for name in story:
                call = drawn_call(draw, caller_in_story(OPERATIONS[name], agent, visitor), name, faults=(0,))
                yield (_steady(draw, call, story) if number < _STEADY else call,)


def _steady(draw: Draw, call: Call, story: tuple[str, ...]) -> Call:
    """About what is there or was just made, and without what it can do without."""
    operation = OPERATIONS[call.name]
    path = {place: Id(one.kind) if isinstance(one, Id) else "seq" if place == "seq" else one for place, one in call.path.items()}
    query = tuple((name, one) for name, one in call.query if name in operation.needed)
    body = call.body
    if call.name in RIGHT and isinstance(body, dict):
        needed = {name: one for name, one in body.items() if name in operation.required}
        if "client_message_id" in needed:
            needed["client_message_id"] = Known("message", draw(chance.integers(100, 10**6)))  # no repetition
        body = needed | right_body(call.name, next((kind for name in story for way, kind in _KINDS.items() if name.startswith(way)), None))
    return replace(call, path=path, query=query, body=body)
