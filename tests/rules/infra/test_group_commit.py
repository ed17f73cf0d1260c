from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from structlog.testing import capture_logs

from qiatan.infra import group_commit
from qiatan.infra.group_commit import GroupCommit, Unavailable


class Disk:
    """Stores numbers. Refuses what is in `bad`; is away for the next `away` writes."""

    def __init__(self, *, bad: frozenset[int] = frozenset(), away: int = 0) -> None:
        self.bad = bad
        self.away = away
        self.stored: list[int] = []
        self.batches: list[int] = []
        self.results: list[tuple[int, int | Exception]] = []

    async def write(self, batch: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        if self.bad & set(batch):
            raise ValueError("one of these is bad")
        self.batches.append(len(batch))
        self.stored += batch
        return [number * 10 for number in batch]

    def settle(self, results: Sequence[tuple[int, int | Exception]]) -> None:
        self.results += results


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "_RETRY_PAUSES", (0.0, 0.0))


async def _run(disk: Disk, items: Sequence[int]) -> GroupCommit[int, int]:
    commits: GroupCommit[int, int] = GroupCommit(disk.write, disk.settle)
    commits.start()
    for item in items:
        assert commits.submit(item)
    await commits.settled()
    await commits.close()
    return commits


@settings(max_examples=40, deadline=None)
@given(some.lists(some.integers(0, 30), max_size=40), some.frozensets(some.integers(0, 30), max_size=4), some.integers(0, 2))
def test_everything_gets_one_answer_in_order_and_only_the_bad_fail(items: list[int], bad: frozenset[int], away: int) -> None:
    disk = Disk(bad=bad, away=away)

    with capture_logs():  # rendering what went wrong would take longer than everything else
        asyncio.run(_run(disk, items))

    assert [item for item, _ in disk.results] == items
    assert disk.stored == [item for item in items if item not in bad]
    for item, result in disk.results:
        assert isinstance(result, ValueError) if item in bad else result == item * 10


async def test_what_comes_while_one_batch_is_written_is_the_next_batch() -> None:
    disk = Disk()
    commits: GroupCommit[int, int] = GroupCommit(disk.write, disk.settle)
    commits.start()
    commits.submit(0)
    await asyncio.sleep(0)
    for item in range(1, 10):
        commits.submit(item)
    await commits.close()

    assert disk.batches == [1, 9]


async def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_BATCH", 4)
    disk = Disk()

    await _run(disk, range(10))

    assert disk.batches == [4, 4, 2]


async def test_a_database_that_stays_away_ends_the_wait() -> None:
    disk = Disk(away=99)
    commits: GroupCommit[int, int] = GroupCommit(disk.write, disk.settle)
    for item in (1, 2):
        commits.submit(item)

    commits.start()
    await commits.settled()
    await commits.close()

    assert disk.stored == []
    assert all(isinstance(result, Unavailable) for _, result in disk.results)
    assert disk.away == 96


async def test_settled_waits_for_what_was_submitted_before_and_for_nothing_else() -> None:
    disk = Disk()
    commits: GroupCommit[int, int] = GroupCommit(disk.write, disk.settle)
    await asyncio.wait_for(commits.settled(), 1)
    for item in range(5):
        commits.submit(item)
    waiting = asyncio.create_task(commits.settled())
    await asyncio.sleep(0)
    assert not waiting.done()

    commits.start()
    await asyncio.wait_for(waiting, 1)

    assert [item for item, _ in disk.results] == [0, 1, 2, 3, 4]
    await commits.close()


async def test_an_answer_that_cannot_be_given_does_not_end_the_writer() -> None:
    disk = Disk()
    told: list[int] = []

    def settle(results: Sequence[tuple[int, int | Exception]]) -> None:
        if results[0][0] == 1:
            raise RuntimeError("nobody to tell")
        told.extend(item for item, _ in results)

    commits: GroupCommit[int, int] = GroupCommit(disk.write, settle)
    commits.start()
    for item in (1, 2):
        commits.submit(item)
        await commits.settled()
    await commits.close()

    assert (disk.stored, told) == ([1, 2], [2])


async def test_after_the_end_nothing_is_taken() -> None:
    commits = await _run(Disk(), [])

    assert commits.submit(1) is False


class Books:
    """Stores what several enterprises write: (enterprise, number)."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, int]]] = []
        self.settled: list[tuple[str, int]] = []
        self.commits: GroupCommit[tuple[str, int], int] = GroupCommit(self.write, self.settle, key=lambda item: item[0])

    async def write(self, batch: Sequence[tuple[str, int]]) -> Sequence[int]:
        await asyncio.sleep(0)
        self.batches.append(list(batch))
        return [number for _, number in batch]

    def settle(self, results: Sequence[tuple[tuple[str, int], int | Exception]]) -> None:
        self.settled += [item for item, _ in results]


@settings(max_examples=40, deadline=None)
@given(some.lists(some.tuples(some.sampled_from("abc"), some.integers()), max_size=60), some.integers(1, 9))
def test_each_enterprise_has_its_turn_and_its_order(items: list[tuple[str, int]], batch: int) -> None:
    books = Books()

    async def run() -> None:
        for item in items:
            assert books.commits.submit(item)
        books.commits.start()
        await books.commits.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_commit, "MAX_BATCH", batch)
        asyncio.run(run())

    for enterprise in "abc":
        assert [item for item in books.settled if item[0] == enterprise] == [item for item in items if item[0] == enterprise]
    left = Counter(enterprise for enterprise, _ in items)
    for written in books.batches:
        got = Counter(enterprise for enterprise, _ in written)
        left -= got
        assert all(max(got.values()) <= got[enterprise] + 1 for enterprise in left)


async def test_one_message_beside_a_flood_is_in_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_BATCH", 10)
    books = Books()
    for number in range(100):
        books.commits.submit(("noisy", number))
    books.commits.start()
    await asyncio.sleep(0)

    books.commits.submit(("quiet", 0))
    await books.commits.settled("quiet")

    assert ("quiet", 0) in books.batches[1]
    assert len(books.settled) == 20
    await books.commits.close()
    assert len(books.settled) == 101


async def test_one_enterprise_that_fills_its_part_leaves_room_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 5)
    monkeypatch.setattr(group_commit, "MAX_WAITING_OF_EACH", 3)
    books = Books()

    taken = [books.commits.submit(("noisy", number)) for number in range(4)]
    others = [books.commits.submit(("quiet", number)) for number in range(3)]

    assert (taken, others) == ([True, True, True, False], [True, True, False])
    books.commits.start()
    await books.commits.close()
    assert sorted(books.settled) == [("noisy", 0), ("noisy", 1), ("noisy", 2), ("quiet", 0), ("quiet", 1)]


async def test_waiting_for_all_waits_for_every_enterprise() -> None:
    books = Books()
    await asyncio.wait_for(books.commits.settled("nobody"), 1)
    for enterprise in "ab":
        books.commits.submit((enterprise, 1))
    books.commits.start()

    await asyncio.wait_for(books.commits.settled(), 1)

    assert sorted(books.settled) == [("a", 1), ("b", 1)]
    await books.commits.close()


async def test_the_next_batch_is_under_way_while_the_last_ones_results_are_told() -> None:
    told: list[tuple[int, bool]] = []
    writing = asyncio.Event()

    async def write(batch: Sequence[int]) -> Sequence[int]:
        writing.set()
        await asyncio.sleep(0)
        writing.clear()
        return batch

    def settle(results: Sequence[tuple[int, int | Exception]]) -> None:
        told.extend((item, writing.is_set()) for item, _ in results)

    commits: GroupCommit[int, int] = GroupCommit(write, settle)
    commits.start()
    commits.submit(1)
    await writing.wait()
    commits.submit(2)
    await commits.close()

    assert told == [(1, True), (2, False)]
