"""What goes in and out of this module."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from qiatan.kit.rich_text import RichDocument

MAX_TITLE = 100
MAX_TEXT = 5_000
MAX_GROUP_NAME = 60
MAX_ENTRIES = 10_000
MAX_OWN_ENTRIES = 2_000
MAX_GROUPS = 500
MAX_OWN_GROUPS = 100
MAX_ROWS = 5_000
"""Rows of one import."""
MAX_ROW_ERRORS = 500
"""How many refused rows an import tells one by one."""

VARIABLES = ("customer.name", "agent.name", "page.title", "page.url", "enterprise.name")
"""What `{{…}}` may name in an entry. The page fills them in before it sends; nothing is ever computed."""

Version = Annotated[int, Field(ge=1, le=2_000_000_000)]


class ReplyOwner(StrEnum):
    """Whose an entry or a group is: everybody's in the enterprise, or one agent's own."""

    ENTERPRISE = "enterprise"
    OWN = "own"


class ReplyKind(StrEnum):
    """Derived at each save from what is in it (F01): without any form it is plain."""

    PLAIN = "plain"
    RICH = "rich"


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReplyGroup(_Out):
    id: UUID
    owner: ReplyOwner
    name: str
    position: int
    version: int


class ReplyBrief(_Out):
    """An entry as the list has it. `text` is what it says without its form.

    `pinyin` holds the syllables of the title with blanks between them, `initials` their first letters; words that are not Chinese stand
    there in small letters. `uses` and `used_at` are the asking agent's own, `all_uses` everybody's. Entries without a group come with
    `group_id` null; `position` orders those of one group.
    """

    id: UUID
    owner: ReplyOwner
    group_id: UUID | None
    position: int
    title: str
    text: str
    kind: ReplyKind
    pinyin: str
    initials: str
    uses: int
    used_at: datetime | None
    all_uses: int
    version: int


class Reply(ReplyBrief):
    """An entry with its document, which is there when it is rich; a plain one is its text."""

    document: RichDocument | None
    updated_at: datetime
    updated_by: UUID | None


class ReplyIndex(_Out):
    """Everything an agent may use, in order: the enterprise's and their own. `unchanged`: it is as the version they have; then both lists
    are empty. Counts of use do not make a new version.

    Not `complete`, for who asked for changes: `entries` holds those that are new or other since the version they have, `groups` all, and
    `ids` those of all entries there are, null where none was removed since. The counts of what is not told stay as old as they are: who
    orders by them asks for everything now and then.
    """

    version: str
    unchanged: bool
    complete: bool = True
    groups: list[ReplyGroup]
    entries: list[ReplyBrief]
    ids: list[UUID] | None = None


class NewReply(_In):
    owner: ReplyOwner
    group_id: UUID | None = None
    title: str = Field(max_length=500)
    document: RichDocument


class ReplyChange(_In):
    """What is left out stays; `group_id: null` takes it out of its group."""

    group_id: UUID | None = None
    title: str | None = Field(default=None, max_length=500)
    document: RichDocument | None = None
    version: Version


class NewReplyGroup(_In):
    owner: ReplyOwner
    name: str = Field(max_length=500)


class ReplyGroupChange(_In):
    name: str = Field(max_length=500)
    version: Version


class ReplyGroupOrder(_In):
    """All groups of one owner, in their new order."""

    owner: ReplyOwner
    ids: list[UUID] = Field(max_length=MAX_GROUPS)


class ReplyOrder(_In):
    """All entries that shall be in a group, in order. One that comes from another group of the same owner moves here."""

    owner: ReplyOwner
    group_id: UUID | None
    ids: list[UUID] = Field(max_length=MAX_ENTRIES)


class ReplyPicture(_Out):
    """A picture for an entry, kept as `/reply-pictures/{id}`; one that is put into none goes after a day."""

    id: UUID
    width: int
    height: int


class ImportProblem(_Out):
    """Why a row was not taken. `row` is counted as spreadsheets do, the line of headings being 1; `column` is absent where the whole row is meant."""

    row: int
    column: Literal["group", "title", "content"] | None
    code: Literal["empty", "too_long", "invalid_text", "unknown_variable", "limit_reached"]
    message: str


class ImportReport(_Out):
    """What an import does, or would do (`dry_run`): rows that are refused keep no other from being taken.

    `skipped` rows are there already, word for word, or stand twice in the file. `new_groups` are made with it. `problems` are the first
    500 of `refused`.
    """

    dry_run: bool
    rows: int
    added: int
    skipped: int
    refused: int
    new_groups: list[str]
    problems: list[ImportProblem]
