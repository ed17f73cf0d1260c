"""Encryption of what others trusted us with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.infra.sealing import Sealer, SecretKeyChanged

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_was_sealed_is_opened(plain: bytes, purpose: str) -> None:
    sealer = Sealer(KEY)
    assert sealer.open(sealer.seal(plain, purpose=purpose), purpose=purpose) == plain


def test_the_same_text_is_never_sealed_alike() -> None:
    sealer = Sealer(KEY)
    assert len({sealer.seal(b"secret", purpose="totp") for _ in range(50)}) == 50


def test_the_text_cannot_be_seen() -> None:
    assert b"secret" not in Sealer(KEY).seal(b"secret" * 10, purpose="totp")


@pytest.mark.parametrize(("key", "purpose"), [(OTHER, "totp|1"), (KEY, "totp|2"), (KEY, "")])
def test_another_key_or_purpose_opens_nothing_and_says_why(key: bytes, purpose: str) -> None:
    sealed = Sealer(KEY).seal(b"secret", purpose="totp|1")
    with pytest.raises(SecretKeyChanged, match=r"secret\.key") as refused:
        Sealer(key).open(sealed, purpose=purpose)
    assert (refused.value.code, refused.value.status) == ("secret_key_changed", 500)


@given(st.data())
def test_what_was_changed_on_the_way_is_not_opened(data: st.DataObject) -> None:
    sealer = Sealer(KEY)
    sealed = bytearray(sealer.seal(b"secret", purpose="totp"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SecretKeyChanged):
        sealer.open(bytes(sealed), purpose="totp")


@given(st.binary(max_size=60))
def test_what_was_never_sealed_is_not_opened(garbage: bytes) -> None:
    with pytest.raises(SecretKeyChanged):
        Sealer(KEY).open(garbage, purpose="totp")


def test_a_mark_is_of_its_message_purpose_and_key() -> None:
    sealer = Sealer(KEY)
    mark = sealer.sign(b"message", purpose="view")
    assert len(mark) == 32
    assert sealer.signed(b"message", mark, purpose="view")
    assert not sealer.signed(b"messagE", mark, purpose="view")
    assert not sealer.signed(b"message", mark, purpose="other")
    assert not sealer.signed(b"message", mark[:-1], purpose="view")
    assert not sealer.signed(b"message", b"", purpose="view")
    assert not Sealer(OTHER).signed(b"message", mark, purpose="view")


def test_the_key_is_read_at_its_first_use() -> None:
    asked: list[str] = []

    def read() -> bytes:
        asked.append("read")
        return KEY

    sealer = Sealer(read)
    assert asked == []
    sealer.seal(b"a", purpose="x")
    sealer.sign(b"a", purpose="x")
    assert asked == ["read"]
