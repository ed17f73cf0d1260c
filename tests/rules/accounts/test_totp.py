"""Codes of authenticator apps, and codes that people type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import HOTP

from qiatan.modules.accounts.rules import (
    CodeVerdict,
    count_try,
    judge_code,
    read_recovery_code,
    read_totp,
    recovery_code,
    step_of,
    told_steps_after,
)

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", the secret of RFC 6238's test vectors
NOW = datetime(2026, 3, 2, 4, 0, 10, tzinfo=UTC)

moments = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- the strategy adds the zone


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, its last six digits."""
    at = datetime.fromtimestamp(seconds, UTC)
    found = judge_code(SECRET, code, at=at, last_step=0)
    assert (found.verdict, found.step) == (CodeVerdict.RIGHT, seconds // 30)


@given(at=moments, offset=st.integers(-1, 1))
def test_a_code_counts_in_its_step_and_beside_it(at: datetime, offset: int) -> None:
    step = step_of(at) + offset
    found = judge_code(SECRET, HOTP(SECRET).at(step), at=at, last_step=step_of(at) - 2)
    assert found.verdict is CodeVerdict.RIGHT
    assert HOTP(SECRET).at(found.step) == HOTP(SECRET).at(step)


@given(at=moments, offset=st.sampled_from([*range(-10, -1), *range(2, 11)]))
def test_a_code_farther_away_tells_by_how_much_the_clock_is_off(at: datetime, offset: int) -> None:
    code = HOTP(SECRET).at(step_of(at) + offset)
    found = judge_code(SECRET, code, at=at, last_step=0)
    near = [HOTP(SECRET).at(step_of(at) + one) for one in (-1, 0, 1)]
    if code not in near:  # one in a million belongs to two steps
        assert found.verdict is CodeVerdict.CLOCK_OFF
        assert abs(found.seconds) <= abs(offset) * 30
        assert HOTP(SECRET).at(step_of(at) + found.seconds // 30) == code


def test_ninety_seconds_are_told_with_their_side() -> None:
    fast = judge_code(SECRET, HOTP(SECRET).at(step_of(NOW + timedelta(seconds=90))), at=NOW, last_step=0)
    slow = judge_code(SECRET, HOTP(SECRET).at(step_of(NOW - timedelta(seconds=90))), at=NOW, last_step=0)
    assert (fast.seconds, slow.seconds) == (90, -90)


@given(at=moments, offset=st.integers(-1, 1), ahead=st.integers(0, 100))
def test_no_step_counts_twice_and_none_before_one_that_counted(at: datetime, offset: int, ahead: int) -> None:
    step = step_of(at) + offset
    found = judge_code(SECRET, HOTP(SECRET).at(step), at=at, last_step=max(step, step_of(at) + 1) + ahead)
    assert found.verdict is CodeVerdict.REPLAYED


@given(typed=st.text(max_size=20), at=moments)
def test_no_text_breaks_it_and_only_codes_count(typed: str, at: datetime) -> None:
    found = judge_code(SECRET, read_totp(typed), at=at, last_step=0)
    codes = {HOTP(SECRET).at(step_of(at) + offset) for offset in range(-10, 11)}
    assert (found.verdict is CodeVerdict.WRONG) == (read_totp(typed) not in codes)


@given(at=moments, offset=st.integers(2, 10), later=st.integers(-1, 1))
def test_a_code_that_was_told_to_be_ahead_is_spent_when_its_time_comes(at: datetime, offset: int, later: int) -> None:
    step = step_of(at) + offset
    code = HOTP(SECRET).at(step)
    told = told_steps_after([], step, at=at)
    then = datetime.fromtimestamp((step + later) * 30, UTC)
    beside = [HOTP(SECRET).at(step + one) for one in (-2, -1, 1, 2)]
    if code not in beside:  # one in a million belongs to two steps
        assert judge_code(SECRET, code, at=then, last_step=0, told_steps=told).verdict is CodeVerdict.REPLAYED


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(-10, 10)), max_size=60))
def test_what_is_told_stays_spent_as_long_as_it_could_count_and_no_longer(tellings: list[tuple[int, int]]) -> None:
    at, told, all_steps = NOW, list[int](), set[int]()
    for seconds, offset in tellings:
        at += timedelta(seconds=seconds)
        all_steps.add(step_of(at) + offset)
        told = told_steps_after(told, step_of(at) + offset, at=at)
        assert told == sorted(step for step in all_steps if step >= step_of(at) - 1)
        assert len(told) <= 12


@given(st.lists(st.integers(0, 900), max_size=60))
def test_tries_are_ten_at_once_and_one_in_five_minutes_after(waits: list[int]) -> None:
    at, until, taken = NOW, None, list[datetime]()
    for seconds in waits:
        at += timedelta(seconds=seconds)
        after, wait = count_try(until, at=at)
        if wait <= timedelta(0):
            until = after
            taken.append(at)
        else:
            assert count_try(until, at=at + wait)[1] == timedelta(0)
            assert count_try(until, at=at + wait - timedelta(seconds=1))[1] > timedelta(0)
    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], 1):
            assert last <= 10 + (end - begin) / timedelta(minutes=5)


def test_other_digits_are_no_digits() -> None:
    code = HOTP(SECRET).at(step_of(NOW))
    arabic = "".join(chr(0x660 + int(digit)) for digit in code)
    assert judge_code(SECRET, arabic, at=NOW, last_step=0).verdict is CodeVerdict.WRONG


@given(st.binary(min_size=10, max_size=10))
def test_a_recovery_code_is_read_as_it_was_written(random: bytes) -> None:
    code = recovery_code(random)
    assert (len(code), code.count("-")) == (19, 3)
    assert not set(code) & set("ILOU")
    plain = code.replace("-", "")
    lookalike = plain.replace("0", "o").replace("1", "l")
    for typed in (code, code.lower(), plain, f" {code} ", code.replace("-", " - "), lookalike):
        assert read_recovery_code(typed) == plain


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_different_bytes_make_different_codes(one: bytes, other: bytes) -> None:
    assert (recovery_code(one) == recovery_code(other)) == (one == other)
