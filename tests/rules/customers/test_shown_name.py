from __future__ import annotations

from uuid import UUID

from qiatan.modules.customers.rules import shown_name

SOMEBODY = UUID("01a0b1c2-d3e4-7f00-8000-0000000abcde")


def test_a_given_name_is_shown_as_it_is() -> None:
    assert shown_name(SOMEBODY, "林夕") == "林夕"


def test_a_nameless_visitor_is_told_apart_by_the_end_of_the_id() -> None:
    assert shown_name(SOMEBODY, None) == "访客 ABCDE"
