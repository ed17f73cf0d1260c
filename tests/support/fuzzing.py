"""How much fuzzing tries: the same few examples each time, or as many new ones as `FUZZ_EXAMPLES` asks for, with time to match."""

from __future__ import annotations

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

_ASKED: Final = os.environ.get("FUZZ_EXAMPLES")


def is_short() -> bool:
    """Whether nobody asked for more than what is tried with every change."""
    return _ASKED is None


def examples(usually: int) -> int:
    """How many: what was asked for, else what is usual."""
    return int(_ASKED or usually)


def some(usually: int) -> settings:
    """Settings of a test with so many examples.

    Nothing is remembered, as an example that failed in one world says little in the next; nothing is made smaller, as each try takes a
    world's time; and no single example has a deadline, as the whole has one (`time_for`).
    """
    return settings(
        max_examples=examples(usually),
        derandomize=is_short(),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def time_for(usually: int, *, seconds_each: int, seconds_before: int = 120) -> pytest.MarkDecorator:
    """The time that so many examples may take."""
    return pytest.mark.timeout(seconds_before + seconds_each * examples(usually))
