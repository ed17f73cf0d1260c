"""What comes in is cleaned or refused before anything else happens."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from qiatan.modules.accounts import contracts
from qiatan.modules.accounts.contracts import ChangeAgent, Input, Invite, SignUp

GOOD = {"enterprise_name": "松间器物", "name": "沈知夏", "email": "ming@example.com", "password": "correct horse battery"}


def inputs() -> list[type[BaseModel]]:
    return [kind for kind in vars(contracts).values() if isinstance(kind, type) and issubclass(kind, Input) and kind is not Input]


@pytest.mark.parametrize("kind", inputs(), ids=lambda kind: kind.__name__)
def test_unknown_fields_are_refused_everywhere(kind: type[BaseModel]) -> None:
    assert kind.model_config["extra"] == "forbid"
    assert kind.model_config["frozen"] is True


def test_a_name_loses_what_cannot_be_seen_and_keeps_the_rest() -> None:
    assert SignUp.model_validate({**GOOD, "name": " 沈\u202e知\u200b夏\n "}).name == "沈知夏"
    assert SignUp.model_validate({**GOOD, "name": "<script>alert(1)</script>"}).name == "<script>alert(1)</script>"


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u202e", "x" * 61, "a\x00b", "\ud800"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        SignUp.model_validate({**GOOD, "name": name})


@pytest.mark.parametrize("email", ["ming@example.com", "ming@shop.local", "顾言@例子.中国", "a.b+c@mail.example.co.uk"])
def test_addresses_of_the_internet_and_of_intranets_are_taken(email: str) -> None:
    assert SignUp.model_validate({**GOOD, "email": email}).email == email


@pytest.mark.parametrize(
    "email", ["", "ming", "ming@", "@example.com", "a b@example.com", "a@b@c.de", "a\x00@b.de", "a\r\nBcc: x@y.z@b.de", "x" * 300 + "@b.de"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        SignUp.model_validate({**GOOD, "email": email})


@pytest.mark.parametrize("password", ["", "123456789", "x" * 201])
def test_a_password_too_short_or_too_long_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(ValidationError, match="Use at least 10 and at most 200 characters") as refused:
        SignUp.model_validate({**GOOD, "password": password})
    assert refused.value.errors()[0]["loc"] == ("password",)


BROKEN = "correct horse \ud800 battery"
LINK = {"token": "x" * 43}


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        (SignUp, GOOD, "password"),
        (contracts.SignIn, {"email": GOOD["email"]}, "password"),
        (contracts.AcceptInvitation, LINK | {"name": "沈知夏"}, "password"),
        (contracts.FinishReset, LINK, "password"),
        (contracts.ChangePassword, {"new_password": GOOD["password"]}, "current_password"),
        (contracts.ChangePassword, {"current_password": GOOD["password"]}, "new_password"),
        (contracts.Confirm, {}, "password"),
    ],
)
def test_half_a_character_in_a_password_is_refused_and_not_repeated(kind: type[Input], given: dict[str, str], field: str) -> None:
    kind.model_validate({**given, field: "correct horse 🐎 battery"})
    with pytest.raises(ValidationError, match="not text") as refused:
        kind.model_validate({**given, field: BROKEN})
    assert refused.value.errors()[0]["loc"] == (field,)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (contracts.LinkToken, {"token": "\ud800"}),
        (contracts.ConfirmTotp, {"code": "\ud800"}),
        (contracts.GiveSecondFactor, {"challenge": "x", "totp": "\ud800"}),
        (contracts.GiveSecondFactor, {"challenge": "x", "recovery_code": "\ud800"}),
        (contracts.GiveSecondFactor, {"challenge": "\ud800", "totp": "123456"}),
        (contracts.NewPasskey, {"challenge": "\ud800", "name": "x", "credential": {}}),
        (contracts.SignInByPasskey, {"challenge": "\ud800", "credential": {}}),
    ],
)
def test_half_a_character_in_a_token_or_code_is_refused(kind: type[Input], given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(given)


def test_a_password_is_not_shown_by_accident() -> None:
    assert "correct horse" not in repr(SignUp.model_validate(GOOD))


@pytest.mark.parametrize(
    "change", [{"max_conversations": -1}, {"max_conversations": 501}, {"role": "owner"}, {"scope": {"kind": "planet"}}, {"version": 0}]
)
def test_values_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChangeAgent.model_validate({"version": 1, **change})


def test_a_group_named_twice_counts_once() -> None:
    group = "01a20260-bf16-7939-9d6e-04bee08fd8a3"
    invited = Invite.model_validate({"email": "ming@example.com", "name": "明", "group_ids": [group, group]})
    assert [str(group_id) for group_id in invited.group_ids] == [group]
