"""What the soak calls flat."""

from __future__ import annotations

import random

import pytest

from tests.faults.flatness import COUNTED, KIB_A_ROUND, WARM, judged

ROUNDS = WARM + COUNTED
WARMING = [170_000 + 1_500 * number for number in range(WARM)]


def noisy(kib_a_round: float, rounds: int) -> list[int]:
    """Memory that grows so much a round, with the noise that measurements have."""
    chance = random.Random(1)
    return [int(WARMING[-1] + kib_a_round * number + chance.uniform(-1_000, 1_000)) for number in range(rounds)]


def test_memory_that_stays_after_the_first_rounds_is_flat() -> None:
    slope = judged(WARMING + noisy(0, COUNTED))

    assert slope is not None
    assert abs(slope) < KIB_A_ROUND / 2


@pytest.mark.parametrize("rounds", [COUNTED, 3 * COUNTED])
def test_memory_that_goes_on_growing_is_not(rounds: int) -> None:
    slope = judged(WARMING + noisy(1_200, rounds))

    assert slope is not None
    assert slope > KIB_A_ROUND


def test_of_a_process_that_lived_shortly_nothing_is_said() -> None:
    assert judged([170_000] * (ROUNDS - 1)) is None
