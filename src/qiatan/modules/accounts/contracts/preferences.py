"""What an agent prefers: how to write, which keys, what calls and when it does not (F07)."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from qiatan.modules.accounts.contracts.common import Input, Output

MAX_KEYS = 60

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
_CHORD = re.compile(r"(?:Mod\+)?(?:Alt\+)?(?:Shift\+)?(?:[A-Z0-9]|[/?.,;'\[\]\\`=-]|Enter|Escape|Arrow(?:Up|Down|Left|Right)|F\d{1,2})")


def _chord(text: str) -> str:
    if text and not _CHORD.fullmatch(text):
        raise ValueError("Name a key with what is held beside it, like Mod+Shift+K, J or ArrowDown.")
    return text


def _days(days: list[int]) -> list[int]:
    return sorted(set(days))


SendMode: TypeAlias = Literal["enter", "mod_enter"]
Sound: TypeAlias = Literal["none", "chime", "drop", "bell", "knock"]
Clock: TypeAlias = Annotated[str, Field(pattern=_CLOCK)]
Chord: TypeAlias = Annotated[str, Field(max_length=40), AfterValidator(_chord)]
Action: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
Weekday: TypeAlias = Annotated[int, Field(ge=1, le=7, strict=True)]


class ShortcutKeys(Input):
    """`keys`: another chord than the usual one for some actions; "" leaves the action without a key. `Mod` is Ctrl, on a Mac ⌘."""

    enabled: bool = True
    keys: Annotated[dict[Action, Chord], Field(max_length=MAX_KEYS)] = {}


class Sounds(Input):
    """What is heard for a message (also a mention), for a conversation that is given or offered, and for one that waits in the queue."""

    message: Sound = "chime"
    transfer: Sound = "bell"
    queue: Sound = "drop"


class QuietHours(Input):
    """From `start` until `until` (in the enterprise's time zone) nothing calls. `until` before `start` reaches into the next day.

    `days`: those on which it begins (ISO: Monday is 1).
    """

    enabled: bool = False
    start: Clock = "22:00"
    until: Clock = "08:00"
    days: Annotated[list[Weekday], Field(max_length=7), AfterValidator(_days)] = [1, 2, 3, 4, 5, 6, 7]

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.enabled and self.start == self.until:
            raise ValueError("Let quiet hours end at another time than they begin.")
        if self.enabled and not self.days:
            raise ValueError("Choose at least one day, or switch quiet hours off.")
        return self


class Preferences(Input):
    """`insert_replies`: a quick reply is put into the input instead of sent. `desktop`: notifications of the operating system.

    `push_preview`: what is pushed to a phone shows the text of messages.
    """

    send_mode: SendMode = "enter"
    insert_replies: bool = False
    shortcuts: ShortcutKeys = ShortcutKeys()
    sounds: Sounds = Sounds()
    desktop: bool = False
    quiet_hours: QuietHours = QuietHours()
    push_preview: bool = True


class PreferencesShown(Output):
    """`version` 0: nothing was saved yet, these are the defaults."""

    settings: Preferences
    version: int


class SavePreferences(Input):
    """All of them; what is left out gets its default. `version`: the one that was read."""

    settings: Preferences
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]
