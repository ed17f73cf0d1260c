"""Fixtures of the accounts' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from qiatan.modules.accounts.service import hashing


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[PasswordHasher]:
    """Hashes with cheap parameters, as most tests do not speak of them. Gives the real maker of hashes to those that do."""
    real = hashing._HASHER
    monkeypatch.setattr(hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    hashing._of_nobody.cache_clear()
    yield real
    hashing._of_nobody.cache_clear()
