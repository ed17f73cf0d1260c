"""What may stand in the fields of a card."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qiatan.kit.errors import FieldProblem, InvalidInput
from qiatan.kit.text import check_text, clean_name
from qiatan.modules.customers.contracts import FIELD_NAME_LENGTH, MAX_OPTIONS, OPTION_LENGTH, VALUE_LENGTH, FieldKind

GENDERS = ("male", "female", "other")
MAX_AGE = 150
PHONE_PART = 3
"""Fewer digits are in every other number."""
FIRST_YEAR, LAST_YEAR = 1800, 2199
_PHONE = re.compile(r"\+?[0-9(][0-9 ()./#-]*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,10})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_QQ = re.compile(r"[1-9][0-9]{4,11}")


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field of the enterprise's own, as values are checked by it."""

    key: str
    name: str
    kind: FieldKind
    options: tuple[str, ...] = ()


def changed_fields(
    held: Mapping[str, str], given: Mapping[str, str | None], own: Mapping[str, OwnField]
) -> dict[str, tuple[str | None, str | None]]:
    """What would change: (before, after) by key, in the order given. Blank means nothing known.

    Raises:
        InvalidInput: names every value that cannot be meant (`fields.KEY`), and every key that is no field.
    """
    changes: dict[str, tuple[str | None, str | None]] = {}
    problems: list[FieldProblem] = []
    for key, value in given.items():
        try:
            after = _cleaned(key, value, own)
        except InvalidInput as error:
            problems += error.fields
            continue
        before = held.get(key)
        if before != after:
            changes[key] = (before, after)
    if problems:
        raise InvalidInput(fields=tuple(problems))
    return changes


def phone_key(phone: str | None) -> str | None:
    """The digits by which the same number is found, however it is written; a Chinese mobile number also without its country."""
    digits = re.sub(r"\D", "", phone or "")
    if len(digits) == 15 and digits.startswith("00861"):
        digits = digits[4:]
    elif len(digits) == 13 and digits.startswith("861"):
        digits = digits[2:]
    return digits or None


def phone_part(words: str) -> str | None:
    """The digits of what may be a part of a phone number; None for what is none, or too little to be told from others."""
    digits = phone_key(words) or ""
    return digits if len(digits) >= PHONE_PART and re.fullmatch(r"[\d\s()+./-]+", words) else None


def email_key(email: str | None) -> str | None:
    """The address by which the same one is found: upper and lower case do not matter."""
    return email.casefold() if email else None


def cleaned_options(kind: FieldKind, options: Sequence[str]) -> list[str]:
    """The options of a choice on one line each, in the order given.

    Raises:
        InvalidInput: one is blank, too long, not text or there twice (`options.0`); too few or too many; or no choice (`options`).
    """
    if kind is not FieldKind.CHOICE:
        if options:
            raise InvalidInput.of("options", "not_a_choice", "Only a field of the kind choice has options.")
        return []
    if not 2 <= len(options) <= MAX_OPTIONS:
        code = "too_few" if len(options) < 2 else "too_many"
        raise InvalidInput.of("options", code, f"A choice has 2 to {MAX_OPTIONS} options; there are {len(options)}.")
    cleaned: list[str] = []
    for place, option in enumerate(options):
        text = clean_name(option, field=f"options.{place}", limit=OPTION_LENGTH)
        if text in cleaned:
            raise InvalidInput.of(f"options.{place}", "twice", "This option is there twice. Keep one of the two.")
        cleaned.append(text)
    return cleaned


def cleaned_field_name(name: str) -> str:
    """Raises InvalidInput: blank, too long or not text."""
    return clean_name(name, field="name", limit=FIELD_NAME_LENGTH)


def _cleaned(key: str, value: str | None, own: Mapping[str, OwnField]) -> str | None:
    field = f"fields.{key[:60]}"
    check = BUILT_IN.get(key)
    known = own.get(key)
    if check is None and known is None:
        raise InvalidInput.of(field, "unknown", "There is no such field (any more). Load the card again.")
    if value is None or not value.strip():
        return None
    if check is not None:
        return check(value, field)
    assert known is not None
    return _own(value, field, known)


def _own(value: str, field: str, known: OwnField) -> str:
    if known.kind is FieldKind.NUMBER:
        return _number(value, field)
    if known.kind is FieldKind.DATE:
        return _day(value, field)
    if known.kind is FieldKind.CHOICE:
        return _one_of(known.options)(value, field)
    return clean_name(value, field=field, limit=VALUE_LENGTH)


def _line(limit: int) -> Callable[[str, str], str]:
    return lambda value, field: clean_name(value, field=field, limit=limit)


def _lines(limit: int) -> Callable[[str, str], str]:
    return lambda value, field: check_text(value.replace("\r\n", "\n").strip(), field=field, limit=limit)


def _one_of(options: Sequence[str]) -> Callable[[str, str], str]:
    def check(value: str, field: str) -> str:
        if value.strip() not in options:
            raise InvalidInput.of(field, "not_an_option", "Choose one of the options.")
        return value.strip()

    return check


def _plain(value: str, field: str, limit: int) -> str:
    """On one line, with digits and signs as they are typed without an input method."""
    return unicodedata.normalize("NFKC", clean_name(value, field=field, limit=limit)).strip()


def _phone(value: str, field: str) -> str:
    text = _plain(value, field, 40)
    if not _PHONE.fullmatch(text) or not 3 <= sum(character.isdigit() for character in text) <= 20:
        raise InvalidInput.of(field, "not_a_phone", "Write the number with digits, like 138 0013 8000 or +86 10 1234 5678.")
    return text


def _email(value: str, field: str) -> str:
    text = _plain(value, field, 254)
    if not _EMAIL.fullmatch(text):
        raise InvalidInput.of(field, "not_an_email", "Write an address like name@example.com.")
    return text


def _age(value: str, field: str) -> str:
    text = _plain(value, field, 10)
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or int(text) > MAX_AGE:
        raise InvalidInput.of(field, "not_an_age", f"Write a whole number from 0 to {MAX_AGE}.")
    return str(int(text))


def _account(value: str, field: str) -> str:
    text = _plain(value, field, 20)
    if not _QQ.fullmatch(text):
        raise InvalidInput.of(field, "not_a_qq", "Write the QQ number: 5 to 12 digits.")
    return text


def _number(value: str, field: str) -> str:
    text = _plain(value, field, 40)
    if not _NUMBER.fullmatch(text):
        raise InvalidInput.of(field, "not_a_number", "Write a number like 12 or 12.5.")
    number = Decimal(text)
    return f"{number.normalize():f}" if number else "0"


def _day(value: str, field: str) -> str:
    text = _plain(value, field, 20)
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidInput.of(field, "not_a_date", "Write a date like 2026-03-01.")
    return day.isoformat()


BUILT_IN: Mapping[str, Callable[[str, str], str]] = {
    "phone": _phone,
    "email": _email,
    "gender": _one_of(GENDERS),
    "age": _age,
    "company": _line(100),
    "address": _line(300),
    "weixin": _line(60),
    "qq": _account,
    "weibo": _line(60),
    "comment": _lines(2_000),
}
