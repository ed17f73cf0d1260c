"""Text with form as a small document, never as HTML: paragraphs, lists and pictures, whose spans carry a few marks.

It is drawn by components that know these blocks and nothing else, so that no mark-up of a stranger can reach a page (security.md part B).
What is kept or sent has gone through `checked`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qiatan.kit.errors import FieldProblem, InvalidInput
from qiatan.kit.text import storable

MAX_TEXT = 5_000
MAX_BLOCKS = 200
MAX_ITEMS = 200
MAX_SPANS = 1_000
MAX_PICTURES = 20
MAX_HREF = 2_000
MAX_BYTES = 40_000
"""Of the document as JSON: with the frame around it, it fits a socket's 64 KiB."""

SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_KINDS = frozenset({"paragraph", "list", "picture"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RichSpan(_Part):
    """A run of text of one look; line breaks within a paragraph are in it. `href` is http, https, mailto or tel, and nothing else."""

    text: str = Field(max_length=MAX_TEXT)
    bold: bool = False
    italic: bool = False
    underline: bool = False
    size: Literal["small", "normal", "large"] = "normal"
    href: str | None = Field(default=None, max_length=MAX_HREF)

    @property
    def styled(self) -> bool:
        return self.bold or self.italic or self.underline or self.size != "normal" or self.href is not None


class RichParagraph(_Part):
    """Without spans it is an empty line."""

    kind: Literal["paragraph"]
    align: Literal["left", "center", "right"] = "left"
    spans: list[RichSpan] = Field(max_length=MAX_SPANS)


class RichList(_Part):
    kind: Literal["list"]
    ordered: bool = False
    items: list[Annotated[list[RichSpan], Field(max_length=MAX_SPANS)]] = Field(max_length=MAX_ITEMS)


class RichPicture(_Part):
    """A picture that lies at `/reply-pictures/{id}`; width and height are in pixels, so that its place is kept while it loads."""

    kind: Literal["picture"]
    id: UUID
    width: int = Field(ge=1, le=10_000)
    height: int = Field(ge=1, le=10_000)
    alt: str = Field(default="", max_length=200)


RichBlock = Annotated[RichParagraph | RichList | RichPicture, Field(discriminator="kind")]


class RichDocument(_Part):
    blocks: list[RichBlock] = Field(min_length=1, max_length=MAX_BLOCKS)


class TextPart(_Part):
    """A text that a channel without rich text is sent instead."""

    kind: Literal["text"]
    text: str


DegradedPart = TextPart | RichPicture


def plain_text(document: RichDocument) -> str:
    """What the document says, without its form; pictures are left out."""
    return "\n".join(text for text in map(_block_text, document.blocks) if text is not None).strip()


def is_plain(document: RichDocument) -> bool:
    """Whether nothing in it has a form (F01): no mark, size, alignment, list, link or picture. Line breaks and emoji are none."""
    return all(
        isinstance(block, RichParagraph) and block.align == "left" and not any(span.styled for span in block.spans)
        for block in document.blocks
    )


def picture_ids(document: RichDocument) -> list[UUID]:
    """The pictures in it, each once, in the order in which they come."""
    return list(dict.fromkeys(block.id for block in document.blocks if isinstance(block, RichPicture)))


def degraded(document: RichDocument) -> list[DegradedPart]:
    """What a channel without rich text is sent (F01): each paragraph or list a text, each picture a picture, links with their address."""
    parts: list[DegradedPart] = []
    for block in document.blocks:
        if isinstance(block, RichPicture):
            parts.append(block)
            continue
        text = (_block_text(_with_addresses(block)) or "").strip()
        if text:
            parts.append(TextPart(kind="text", text=text))
    return parts


def checked(document: RichDocument, *, field: str = "document") -> RichDocument:
    """The document in its one form: neighbouring spans of the same look joined, empty ones and blank edges left out.

    Raises:
        InvalidInput: `empty`, `too_long` (more than 5,000 characters, 1,000 spans, 20 pictures or 40,000 bytes), `invalid_text`, or
            `invalid_link` naming the span whose address cannot be followed safely.
    """
    problems = tuple(_problems(document, field))
    if problems:
        raise InvalidInput(fields=problems)
    blocks = _trimmed([block for block in map(_tidy, document.blocks) if block is not None])
    if not blocks or not (any(isinstance(block, RichPicture) for block in blocks) or _has_words(blocks)):
        raise InvalidInput.of(field, "empty", "Write something or add a picture.")
    tidy = RichDocument(blocks=blocks)
    _check_size(tidy, field)
    return tidy


def parsed(data: object, *, field: str = "document") -> RichDocument:
    """A document that came as JSON by another way than a request's body.

    Raises:
        InvalidInput: it is none; the first places that do not fit are named.
    """
    try:
        return RichDocument.model_validate(data)
    except ValidationError as error:
        places = [
            (".".join([field, *(str(part) for part in problem["loc"] if part not in _KINDS)])[:100], problem)
            for problem in error.errors()[:20]
        ]
        raise InvalidInput(fields=tuple(FieldProblem(place, "invalid", problem["msg"][:200]) for place, problem in places)) from error


def stored(document: RichDocument) -> dict[str, Any]:
    """The document as JSON, without what says nothing (marks that are off)."""
    return document.model_dump(mode="json", exclude_defaults=True)


def safe_href(href: str) -> str | None:
    """The address of a link as it is kept, or None where it may not be followed: another scheme, no target, or anything invisible."""
    if len(href) > MAX_HREF or any(character == "\\" or unicodedata.category(character)[0] in "CZ" for character in href):
        return None
    try:
        parts = urlsplit(href)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in SCHEMES:
        return None
    if parts.scheme in ("http", "https"):
        return href if host else None
    return href if parts.path and not parts.netloc else None


def spans_of(block: RichBlock) -> Iterator[list[RichSpan]]:
    """The lines of a block: a paragraph's spans, or those of each item of a list."""
    if isinstance(block, RichParagraph):
        yield block.spans
    elif isinstance(block, RichList):
        yield from block.items


def _block_text(block: RichBlock) -> str | None:
    if isinstance(block, RichParagraph):
        return _words(block.spans)
    if isinstance(block, RichList):
        marks = (f"{number}. " if block.ordered else "• " for number in range(1, len(block.items) + 1))
        return "\n".join(mark + _words(item) for mark, item in zip(marks, block.items, strict=True))
    return None


def _words(spans: list[RichSpan]) -> str:
    return "".join(span.text for span in spans)


def _has_words(blocks: list[RichBlock]) -> bool:
    return any(_words(line).strip() for block in blocks for line in spans_of(block))


def _with_addresses(block: RichBlock) -> RichBlock:
    if isinstance(block, RichParagraph):
        return block.model_copy(update={"spans": _named(block.spans)})
    if isinstance(block, RichList):
        return block.model_copy(update={"items": [_named(item) for item in block.items]})
    return block


def _named(spans: list[RichSpan]) -> list[RichSpan]:
    """A link may go over several spans, where a part of it is bold: its address comes once, behind the last."""
    named: list[RichSpan] = []
    for href, run in groupby(spans, key=lambda span: span.href):
        linked = list(run)
        if href is not None:
            address = href.partition(":")[2] if href.startswith(("mailto:", "tel:")) else href
            if _words(linked).strip() not in (address, href):
                linked[-1] = linked[-1].model_copy(update={"text": f"{linked[-1].text} {address}"})
        named += linked
    return named


def _problems(document: RichDocument, field: str) -> Iterator[FieldProblem]:
    for at, block in enumerate(document.blocks):
        place = f"{field}.blocks.{at}"
        if isinstance(block, RichPicture):
            if not storable(block.alt):
                yield _invalid_text(f"{place}.alt")
            continue
        of_list = isinstance(block, RichList)
        for row, line in enumerate(spans_of(block)):
            for number, span in enumerate(line):
                spot = f"{place}.items.{row}.{number}" if of_list else f"{place}.spans.{number}"
                if not storable(span.text):
                    yield _invalid_text(f"{spot}.text")
                if span.href and safe_href(_normal_href(span.href)) is None:
                    message = "A link begins with http://, https://, mailto: or tel:, and holds no blanks."
                    yield FieldProblem(f"{spot}.href", "invalid_link", message)


def _invalid_text(field: str) -> FieldProblem:
    return FieldProblem(field, "invalid_text", "Remove the characters that are not text (NUL, broken pairs).")


def _normal_href(href: str) -> str:
    """Without blanks around it, the scheme in small letters."""
    scheme, colon, rest = href.strip().partition(":")
    return scheme.lower() + colon + rest


def _tidy(block: RichBlock) -> RichBlock | None:
    if isinstance(block, RichParagraph):
        return block.model_copy(update={"spans": _joined(block.spans)})
    if isinstance(block, RichList):
        items = [item for item in map(_joined, block.items) if _words(item).strip()]
        return block.model_copy(update={"items": items}) if items else None
    return block.model_copy(update={"alt": " ".join(block.alt.split())})


def _joined(spans: list[RichSpan]) -> list[RichSpan]:
    clean = [
        span.model_copy(
            update={"text": span.text.replace("\r\n", "\n").replace("\r", "\n"), "href": _normal_href(span.href) if span.href else None}
        )
        for span in spans
        if span.text
    ]
    runs = (list(run) for _, run in groupby(clean, key=lambda span: span.model_dump(exclude={"text"})))
    return [run[0].model_copy(update={"text": _words(run)}) for run in runs]


def _trimmed(blocks: list[RichBlock]) -> list[RichBlock]:
    """Without blank paragraphs at the beginning and at the end."""
    full = [at for at, block in enumerate(blocks) if not (isinstance(block, RichParagraph) and not _words(block.spans).strip())]
    return blocks[full[0] : full[-1] + 1] if full else []


def _check_size(document: RichDocument, field: str) -> None:
    length = len(plain_text(document))
    if length > MAX_TEXT:
        raise InvalidInput.of(field, "too_long", f"Shorten it to {MAX_TEXT} characters; it has {length}.")
    if sum(len(line) for block in document.blocks for line in spans_of(block)) > MAX_SPANS:
        raise InvalidInput.of(field, "too_long", f"Use fewer changes of style: at most {MAX_SPANS}.")
    if sum(isinstance(block, RichPicture) for block in document.blocks) > MAX_PICTURES:
        raise InvalidInput.of(field, "too_long", f"Use at most {MAX_PICTURES} pictures.")
    if len(document.model_dump_json(exclude_defaults=True).encode()) > MAX_BYTES:
        raise InvalidInput.of(field, "too_long", "This is too large with all its styles and links. Use fewer of them, or split it.")
