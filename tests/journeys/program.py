"""The command `qiatan` with hashes of passwords that cost next to nothing: nearly every story makes accounts, a fifth of a second each.

What hashes cost in earnest is told by tests/modules/accounts; servers of the stories about a start run the command itself.
"""

from __future__ import annotations

from argon2 import PasswordHasher

from qiatan.entrypoints.cli import main
from qiatan.modules.accounts.service import hashing

if __name__ == "__main__":
    hashing._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    main()
