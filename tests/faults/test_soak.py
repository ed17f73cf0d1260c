"""What a soak tells at its end."""

from __future__ import annotations

from collections import Counter

from tests.faults.cluster import Cluster
from tests.faults.flatness import Flatness, Process
from tests.faults.holdings import Holdings
from tests.faults.rounds import Outcome
from tests.faults.soak import Soak

KILLED = Outcome(["kill node"], acknowledged=300, healed_after=4.2, late=0.5, load=1.0)
FULL = Outcome(["full disk", "kill node"], acknowledged=100, healed_after=11.0, late=1.5, load=9.0, without=["full disk: no root"])
BROKEN = Outcome(["fail-over"], acknowledged=200, healed_after=2.0, late=2.5, load=1.0, wrong=["lost: one"])


def test_rounds_without_anything_wrong_end_well() -> None:
    soak = Soak(2, 1, [], outcomes=[KILLED, FULL])

    told = list(soak.summary())

    assert not soak.failed()
    assert told[:3] == [
        "2 rounds, 400 messages acknowledged",
        "  kill node                   2 rounds, at worst settled after 11.0 s and a timer 1.50 s late",
        "  full disk                   1 rounds, of these 1 not possible here, at worst settled after 11.0 s and a timer 1.50 s late",
    ]
    assert told[3].startswith("  never had: burst, cut database, ")
    assert "kill node" not in told[3]
    assert told[4:] == [
        "rounds with anything lost, doubled, left out, told differently, unserved, above a limit, or a timer not fired once: 0",
        "rounds with a timer more than 1 s late after recovery: 1 (worst 1.50 s), of these 0 on a machine with a load of 2 or less",
        "all was settled 7.6 s after the end of the trouble as a rule, 11.0 s at worst",
    ]


def test_a_round_with_something_wrong_fails() -> None:
    soak = Soak(3, 1, [], outcomes=[KILLED, FULL, BROKEN])

    told = list(soak.summary())

    assert soak.failed()
    assert "rounds with anything lost, doubled, left out, told differently, unserved, above a limit, or a timer not fired once: 1" in told
    assert (
        "rounds with a timer more than 1 s late after recovery: 2 (worst 2.50 s), of these 1 on a machine with a load of 2 or less" in told
    )


def test_one_that_was_interrupted_tells_what_it_has_and_fails() -> None:
    soak = Soak(100, 1, ["kill node"], outcomes=[KILLED], broken="KeyboardInterrupt: ")

    told = list(soak.summary())

    assert soak.failed()
    assert told[:2] == ["ENDED in round 2 of 100: KeyboardInterrupt: ", "1 rounds, 300 messages acknowledged"]
    assert list(Soak(100, 1, [], broken="AssertionError: a node does not become ready").summary()) == [
        "ENDED in round 1 of 100: AssertionError: a node does not become ready"
    ]


def test_a_process_that_keeps_something_fails() -> None:
    flat = Flatness(Cluster.__new__(Cluster))
    held = Holdings(database=10, bus=1, own=Counter({"pipe": 4, "connection of a caller, established": 1}))
    process = Process(17, "node 1", serves=True, memory=[180 * 1024], last=held)
    flat._base["node 1"], flat._processes[17] = Holdings(3, 1, Counter({"pipe": 4})), process
    soak = Soak(1, 1, ["calm"], outcomes=[KILLED], flat=flat)

    told = list(soak.summary())

    assert soak.failed()
    assert told[-1] == ("WRONG process 17 (node 1) keeps 5 descriptors of 4 after 0 s: 1 connection of a caller, established more")
