"""What an entry may hold, and of which kind it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qiatan.kit.errors import FieldProblem, InvalidInput
from qiatan.kit.rich_text import RichDocument, checked, is_plain, plain_text, spans_of
from qiatan.kit.text import clean_name
from qiatan.modules.replies.contracts import MAX_GROUP_NAME, MAX_TITLE, VARIABLES, ReplyKind

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """What is kept of an entry. `document` is None when it is plain: then `text` is all there is."""

    text: str
    kind: ReplyKind
    document: RichDocument | None


def check_title(title: str, *, field: str = "title") -> str:
    """Raises InvalidInput (`empty`, `too_long`, `invalid_text`)."""
    return clean_name(title, field=field, limit=MAX_TITLE)


def check_group_name(name: str, *, field: str = "name") -> str:
    """Raises InvalidInput (`empty`, `too_long`, `invalid_text`)."""
    return clean_name(name, field=field, limit=MAX_GROUP_NAME)


def check_entry(document: RichDocument) -> CheckedEntry:
    """The content of an entry in its one form, with its kind (F01: derived at each save, never chosen).

    Raises:
        InvalidInput: as `rich_text.checked`; `unknown_variable` or `split_variable`, naming the variable.
    """
    clean = checked(document)
    text = plain_text(clean)
    check_variables(text)
    _check_whole(clean)
    if is_plain(clean):
        return CheckedEntry(text, ReplyKind.PLAIN, None)
    return CheckedEntry(text, ReplyKind.RICH, clean)


def check_variables(text: str, *, field: str = "document") -> None:
    """Raises InvalidInput (`unknown_variable`) naming every `{{…}}` that nobody fills in."""
    unknown = list(dict.fromkeys(name for name in _VARIABLE.findall(text) if name not in VARIABLES))
    if unknown:
        known = ", ".join(f"{{{{{name}}}}}" for name in VARIABLES)
        problems = [
            FieldProblem(field, "unknown_variable", f"There is no variable {{{{{name[:60]}}}}}. These are known: {known}.")
            for name in unknown[:10]
        ]
        raise InvalidInput(fields=tuple(problems))


def _check_whole(document: RichDocument) -> None:
    """A variable that changes its look in the middle could not be filled in."""
    for block in document.blocks:
        for line in spans_of(block):
            whole = _VARIABLE.findall("".join(span.text for span in line))
            single = [name for span in line for name in _VARIABLE.findall(span.text)]
            if whole != single:
                name = next(name for name in whole if whole.count(name) != single.count(name))
                message = f"Give the whole of {{{{{name[:60]}}}}} one style, or none."
                raise InvalidInput.of("document", "split_variable", message)
