"""The words that several inputs and outputs of accounts share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name, storable

MAX_PASSWORD = 200
MAX_GROUPS_OF_AGENT = 1_000
MAX_MEMBERS_OF_GROUP = 1_000
MAX_CONVERSATIONS = 500
MAX_REGIONS = 500

# Addresses are names to sign in with. All that mail servers of the internet take passes, and so do those of an intranet
# (`ming@shop.local`), which libraries that think of delivery refuse.
_LOCAL_PART = re.compile(r"(?=.{1,64}\Z)(?!\.)(?!.*\.\.)(?!.*\.\Z)(?:[\w!#$%&'*+/=?^`{|}~.-])+")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:(?!-)[\w-]{1,63}(?<!-)\.)*(?!-)[\w-]{1,63}(?<!-)")


def _name(*, optional: bool = False) -> Callable[[str], str]:
    def clean(text: str) -> str:
        if optional and not text.strip():
            return ""
        try:
            return clean_name(text, field="name")
        except InvalidInput as problem:
            raise ValueError(problem.fields[0].message) from None

    return clean


def _email(text: str) -> str:
    address = unicodedata.normalize("NFC", text.strip())
    local, _, domain = address.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain) or not storable(address):
        raise ValueError("Write an e-mail address like ming@example.com.")
    return f"{local}@{domain.lower()}"


def asked_email(text: str) -> str:
    if not storable(text):
        raise ValueError("Remove the characters that are not text (NUL, broken pairs).")
    return unicodedata.normalize("NFC", text.strip())


def _encodable(text: object) -> object:
    # Secret strings are not looked into by the form's own checks, and half a character has no bytes to be hashed.
    if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("Remove the characters that are not text (broken pairs).")
    return text


def _password(text: object) -> object:
    if isinstance(text, str) and not 10 <= len(text) <= MAX_PASSWORD:
        raise ValueError(f"Use at least 10 and at most {MAX_PASSWORD} characters; a few words together are easy to keep in mind.")
    return _encodable(text)


def _unique(ids: list[UUID]) -> list[UUID]:
    return sorted(set(ids))


def _unique_words(words: list[str]) -> list[str]:
    if not all(storable(word) for word in words):
        raise ValueError("Remove the characters that are not text (NUL, broken pairs).")
    return sorted(set(words))


# The raw text may be a little longer than what is left after cleaning, so the limits in front are wider than those of the columns.
Name: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_name())]
OptionalName: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_name(optional=True))]
Email: TypeAlias = Annotated[str, Field(max_length=254), AfterValidator(_email)]
NewPassword: TypeAlias = Annotated[SecretStr, BeforeValidator(_password)]
GivenPassword: TypeAlias = Annotated[SecretStr, Field(max_length=MAX_PASSWORD), BeforeValidator(_encodable)]
StaffNumber: TypeAlias = Annotated[str, Field(max_length=20), AfterValidator(_name(optional=True))]
Note: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_name(optional=True))]
Token: TypeAlias = Annotated[str, Field(max_length=200)]
Locale: TypeAlias = Literal["zh-CN", "en"]
Version: TypeAlias = Annotated[int, Field(ge=1, le=2**31 - 1)]
GroupIds: TypeAlias = Annotated[list[UUID], Field(max_length=MAX_GROUPS_OF_AGENT), AfterValidator(_unique)]
MemberIds: TypeAlias = Annotated[list[UUID], Field(max_length=MAX_MEMBERS_OF_GROUP), AfterValidator(_unique)]

# Codes of regions, like `CN`, `CN/广东省` or `CN/广东省/深圳市`.
Regions: TypeAlias = Annotated[
    list[Annotated[str, Field(min_length=2, max_length=120)]], Field(max_length=MAX_REGIONS), AfterValidator(_unique_words)
]
PointNames: TypeAlias = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=500), AfterValidator(_unique_words)]


class Input(BaseModel):
    """Base of everything that comes in: what is not named is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Output(BaseModel):
    model_config = ConfigDict(frozen=True)
