"""Files of the built pages, of every release that serves or served lately.

While machines are replaced by those of the next release, a page that one of them sent asks any other for its scripts; and a page that has
been open since before asks for parts that it has not needed yet. Their names carry a hash of what is in them, so whoever has one of a
name has the right one.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import LargeBinary, Text, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, Database, is_one_of

KEPT = timedelta(days=30)
"""After a program that had the file said so for the last time, as it does at its start and daily."""
_AT_ONCE = 50


class PageFileRow(Base):
    """Of no enterprise. `squeezed`: the content, by gzip."""

    __tablename__ = "page_files"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    squeezed: Mapped[bytes] = mapped_column(LargeBinary)
    served_at: Mapped[datetime]


async def keep(database: Database, files: Mapping[str, Path]) -> None:
    """Have the other nodes, and the releases after this one, know these files; forget what nobody has served for long. Safe to repeat.

    Raises:
        DatabaseUnavailable, StorageFull
    """
    names = sorted(files)
    async with database.system() as tx:
        # In one order: nodes that start together do not wait for each other in a circle.
        ours = select(PageFileRow.name).where(is_one_of(PageFileRow.name, names)).order_by(PageFileRow.name).with_for_update()
        there = set((await tx.session.execute(ours)).scalars())
        again = update(PageFileRow).where(is_one_of(PageFileRow.name, there)).values(served_at=tx.now)
        await tx.session.execute(again.execution_options(synchronize_session=False))
        old = delete(PageFileRow).where(PageFileRow.served_at < tx.now - KEPT)
        await tx.session.execute(old.execution_options(synchronize_session=False))
    missing = [name for name in names if name not in there]
    for begin in range(0, len(missing), _AT_ONCE):
        some = missing[begin : begin + _AT_ONCE]
        squeezed = await asyncio.to_thread(_squeezed, [files[name] for name in some])
        async with database.system() as tx:
            rows = [{"name": name, "squeezed": content, "served_at": tx.now} for name, content in zip(some, squeezed, strict=True)]
            await tx.session.execute(insert(PageFileRow).values(rows).on_conflict_do_nothing())


def _squeezed(paths: Sequence[Path]) -> list[bytes]:
    return [gzip.compress(path.read_bytes(), mtime=0) for path in paths]


async def squeezed_file(database: Database, name: str) -> bytes | None:
    """A file of another release, by gzip. None where no release that is known has it.

    Raises:
        DatabaseUnavailable
    """
    async with database.system() as tx:
        return (await tx.session.execute(select(PageFileRow.squeezed).where(PageFileRow.name == name))).scalar_one_or_none()
