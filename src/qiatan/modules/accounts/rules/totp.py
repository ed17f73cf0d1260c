"""Codes of authenticator apps (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits, what all apps can do)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pyotp import HOTP

STEP_SECONDS = 30
# A code counts in its own step, the one before and the one after: for slow fingers and clocks that are a little off (RFC 6238, 5.2).
TOLERANCE = 1
# A code of a step this far away is no guess but a clock that is wrong, and worth a helpful answer. It never lets anybody in.
CLOCK_OFF = 10


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


def judge_code(secret: str, code: str, *, at: datetime, last_step: int) -> CodeFound:
    """What a code is worth now. `secret` is in base 32; `last_step` the newest step a code was taken for (older ones are replays)."""
    now = step_of(at)
    codes = HOTP(secret)
    given = code.encode()
    fitting = [
        offset
        for offset in sorted(range(-CLOCK_OFF, CLOCK_OFF + 1), key=abs)
        if now + offset >= 0 and hmac.compare_digest(codes.at(now + offset).encode(), given)
    ]
    near = [offset for offset in fitting if abs(offset) <= TOLERANCE]
    fresh = [offset for offset in near if now + offset > last_step]
    if fresh:
        return CodeFound(CodeVerdict.RIGHT, now + fresh[0])
    if near:
        return CodeFound(CodeVerdict.REPLAYED, now + near[0])
    if fitting:
        return CodeFound(CodeVerdict.CLOCK_OFF, now + fitting[0], fitting[0] * STEP_SECONDS)
    return CodeFound(CodeVerdict.WRONG)
