from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.errors import InvalidInput
from qiatan.modules.replies.rules import Plan, Row, columns_of, plan

COLUMNS = columns_of(["分组", "标题", "内容"])


def planned(*rows: list[str], present: Any = (), groups: Any = (), room: int = 100, group_room: int = 100) -> Plan:
    return plan(enumerate(rows, 2), COLUMNS, present=set(present), groups=set(groups), room=room, group_room=group_room)


@pytest.mark.parametrize(
    ("headings", "columns"),
    [
        (["分组", "标题", "内容"], {"group": 0, "title": 1, "content": 2}),
        (["Content", "", " TITLE "], {"content": 0, "title": 2}),
        (["备注", "内容", "标题", "内容"], {"content": 1, "title": 2}),
    ],
)
def test_columns_are_found_by_their_headings_in_either_language(headings: list[str], columns: dict[str, int]) -> None:
    assert columns_of(headings) == columns


@pytest.mark.parametrize("headings", [[], ["分组"], ["标题", "答案"], ["a", "b", "c"]])
def test_without_title_and_content_nothing_can_be_read(headings: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        columns_of(headings)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("file", "missing")]


def test_rows_are_added_skipped_and_refused_each_for_itself() -> None:
    made = planned(
        ["售后", "退货", "寄到杭州"],
        ["", "你好", " 您好\r\n在的 "],
        ["", "", ""],
        ["售后", "退货", "寄到杭州"],
        ["售后", "发票", "已有"],
        ["售后", "", ""],
        ["售" * 61, "长" * 101, "字" * 5_001],
        ["", "变量", "{{visitor.name}}"],
        ["物流", "多久到"],
        present=[("售后", "发票", "已有")],
        groups=["售后"],
    )

    assert made.added == [Row("售后", "退货", "寄到杭州"), Row(None, "你好", "您好\n在的")]
    assert (made.skipped, made.refused, made.new_groups) == (2, 4, [])
    assert [(problem.row, problem.column, problem.code) for problem in made.problems] == [
        (7, "title", "empty"),
        (7, "content", "empty"),
        (8, "group", "too_long"),
        (8, "title", "too_long"),
        (8, "content", "too_long"),
        (9, "content", "unknown_variable"),
        (10, "content", "empty"),
    ]


def test_groups_that_are_not_there_are_made_once_in_the_order_of_the_file() -> None:
    made = planned(["物流", "a", "1"], ["售前", "b", "2"], ["物流", "c", "3"])

    assert made.new_groups == ["物流", "售前"]


def test_what_is_beyond_the_limits_is_refused_by_its_row() -> None:
    made = planned(["甲", "a", "1"], ["乙", "b", "2"], ["甲", "c", "3"], ["甲", "d", "4"], room=2, group_room=1)

    assert [row.title for row in made.added] == ["a", "c"]
    assert [(problem.row, problem.column, problem.code) for problem in made.problems] == [
        (3, "group", "limit_reached"),
        (5, None, "limit_reached"),
    ]


@given(st.lists(st.lists(st.sampled_from(["", "甲", "乙", "{{x}}", "字" * 101]), min_size=3, max_size=3), max_size=30))
def test_every_row_that_is_not_empty_is_counted_once_and_a_second_import_adds_nothing(rows: list[list[str]]) -> None:
    made = planned(*rows)
    again = planned(*rows, present=[(row.group, row.title, row.text) for row in made.added], groups=made.new_groups)

    filled = [row for row in rows if any(row)]
    assert len(made.added) + made.skipped + made.refused == len(filled)
    assert (again.added, again.new_groups, again.refused) == ([], [], made.refused)
    assert len(set(made.added)) == len(made.added)
