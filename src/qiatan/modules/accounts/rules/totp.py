"""Codes of authenticator apps (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits, what all apps can do)."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pyotp import HOTP

STEP_SECONDS = 30
# A code counts in its own step, the one before and the one after: for slow fingers and clocks that are a little off (RFC 6238, 5.2).
TOLERANCE = 1
# A code of a step this far away is no guess but a clock that is wrong, and worth a helpful answer. It never lets anybody in.
CLOCK_OFF = 10
# Somebody who knows the password may begin as many sign-ins as they like; this is what keeps them from trying all codes. With one try
# in five minutes and three steps that count, a year of tries finds one with a chance of a quarter, and fills the login log with them.
MAX_TRIES = 10
TRY_EVERY = timedelta(minutes=5)


class CodeVerdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    REPLAYED = "replayed"
    CLOCK_OFF = "clock_off"


@dataclass(frozen=True, slots=True)
class CodeFound:
    """What a code is. `step`: the time step it belongs to. `seconds`: how far the clock that made it is ahead (for `clock_off`)."""

    verdict: CodeVerdict
    step: int = 0
    seconds: int = 0


def step_of(at: datetime) -> int:
    return int(at.timestamp()) // STEP_SECONDS


def judge_code(secret: str, code: str, *, at: datetime, last_step: int, told_steps: Collection[int] = ()) -> CodeFound:
    """What a code is worth now. `secret` is in base 32; `last_step` the newest step a code was taken for (older ones are replays).

    `told_steps`: whose codes were called `clock_off` before. To somebody who guesses, that answer says which code will be right in some
    minutes, so these are spent too.
    """
    now = step_of(at)
    codes = HOTP(secret)
    given = code.encode()
    fitting = [
        offset
        for offset in sorted(range(-CLOCK_OFF, CLOCK_OFF + 1), key=abs)
        if now + offset >= 0 and hmac.compare_digest(codes.at(now + offset).encode(), given)
    ]
    near = [offset for offset in fitting if abs(offset) <= TOLERANCE]
    fresh = [offset for offset in near if now + offset > last_step and now + offset not in told_steps]
    if fresh:
        return CodeFound(CodeVerdict.RIGHT, now + fresh[0])
    if near:
        return CodeFound(CodeVerdict.REPLAYED, now + near[0])
    if fitting:
        return CodeFound(CodeVerdict.CLOCK_OFF, now + fitting[0], fitting[0] * STEP_SECONDS)
    return CodeFound(CodeVerdict.WRONG)


def told_steps_after(told_steps: Collection[int], step: int, *, at: datetime) -> list[int]:
    """The steps to keep as spent once a code of `step` was called `clock_off`: those that are past can come no more."""
    return sorted(one for one in {*told_steps, step} if one >= step_of(at) - TOLERANCE)


def count_try(until: datetime | None, *, at: datetime) -> tuple[datetime, timedelta]:
    """Count a try: `MAX_TRIES` at once, then one `TRY_EVERY`. `until`: when all tries so far will be forgotten.

    Returns the new `until` and, when this was a try too many, how long to wait before the next (else nothing or less).
    """
    after = max(until or at, at) + TRY_EVERY
    return after, after - MAX_TRIES * TRY_EVERY - at
