"""Password hashes (argon2id, RFC 9106), made in threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from qiatan.modules.accounts.errors import Busy
from qiatan.modules.accounts.models import UNUSABLE

# The library's defaults are RFC 9106's second choice: 64 MiB, three passes, four lanes.
_HASHER = PasswordHasher()
# Two at a time: a flood of sign-ins may take neither all memory nor all processors.
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
# What waits longer than these take (some seconds) has been given up by whoever asked.
MAX_WAITING = 50
_RETRY_SECONDS = 5

_waiting: set[asyncio.Future[Any]] = set()
T = TypeVar("T")


async def hash_password(password: str) -> str:
    """Make a hash. No transaction may be open meanwhile: it would keep its connection and its locks for as long.

    Raises:
        Busy: too many wait already.
    """
    return await _in_a_thread(lambda: _HASHER.hash(password))


async def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash. Without a hash the same work is done, and the answer is no.

    No transaction may be open meanwhile, as for `hash_password`.

    Raises:
        Busy: too many wait already.
    """
    return await _in_a_thread(lambda: _verify(password_hash, password))


async def _in_a_thread(work: Callable[[], T]) -> T:
    if len(_waiting) >= MAX_WAITING:
        raise Busy(retry_after=_RETRY_SECONDS)
    done = asyncio.get_running_loop().run_in_executor(_THREADS, work)
    _waiting.add(done)
    done.add_done_callback(_waiting.discard)
    return await done


def outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def _verify(password_hash: str | None, password: str) -> bool:
    nobody = _of_nobody()  # before the choice, so that the first call after a start takes equally long for both
    try:
        _HASHER.verify(nobody if password_hash in {None, UNUSABLE} else str(password_hash), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash not in {None, UNUSABLE}


@cache
def _of_nobody() -> str:
    return _HASHER.hash("nobody has this password")
