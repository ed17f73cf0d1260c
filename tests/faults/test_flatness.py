"""What the soak calls flat."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from qiatan.entrypoints.supervisor import CONNECTIONS_A_NODE
from tests.faults.flatness import BUS_CONNECTIONS, COUNTED, KIB_A_ROUND, WARM, Process, judged, kept
from tests.faults.holdings import Holdings

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


BASE = Holdings(database=1, bus=1, own=Counter({"pipe": 4, "listening socket": 1}))


def left(*, database: int = BASE.database, bus: int = BASE.bus, own: Counter[str] = BASE.own) -> list[str]:
    """What is said of a process that holds this at the end."""
    return kept(BASE, Holdings(database, bus, own), waited=60)


def test_a_process_that_holds_what_it_held_keeps_nothing() -> None:
    assert left() == []
    assert left(database=CONNECTIONS_A_NODE, bus=BUS_CONNECTIONS) == []
    assert left(own=Counter({"pipe": 4})) == []


def test_callers_who_are_gone_and_pools_without_bounds_are_told() -> None:
    callers = "connection of a caller, established"

    assert left(own=BASE.own + Counter({callers: 12})) == [f"keeps 17 descriptors of 5 after 60 s: 12 {callers} more"]
    assert left(database=CONNECTIONS_A_NODE + 1) == ["has 31 connections to the database and 0 that have ended, of 30 at most"]
    assert left(bus=BUS_CONNECTIONS + 1) == ["has 3 connections to the bus, of 2 at most"]


def test_a_process_tells_its_first_and_its_last_memory() -> None:
    process = Process(17, "node 1", serves=True, memory=[184_320, 190_000, 192_512])

    assert process.grown() == "process 17 (node 1): 180 MiB -> 188 MiB in 3 rounds, no slope is told before 28 rounds"
