from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.infra.clock import worked
from qiatan.modules.routing.contracts.conditions import Condition, ConditionField, ConditionGroup, Operator
from qiatan.modules.routing.contracts.hours import ExceptionalDay, GroupHours, HoursSettings, Interval
from qiatan.modules.routing.contracts.settings import AdvancedRule, AssignmentSettings, DelayedStep, Problem, TransferSettings
from qiatan.modules.routing.rules.case import Case
from qiatan.modules.routing.rules.conditions import Seen, rule_check
from qiatan.modules.routing.rules.implied import covers, prepared
from qiatan.modules.routing.rules.settings_checks import hours_problems, transfer_problems
from qiatan.modules.routing.rules.validation import problems
from tests.rules.routing.given import HELP, MONDAY_NOON, ON_DESKTOP, ON_PHONE, SALES, agent, looks, rule, times, with_case

LANDING, REGION, KEYWORD = ConditionField.LANDING_PAGE, ConditionField.REGION, ConditionField.SEARCH_KEYWORD
CHANNEL, DEVICE, LANGUAGE = ConditionField.CHANNEL, ConditionField.DEVICE, ConditionField.LANGUAGE
TAG, METADATA = ConditionField.CUSTOMER_TAG, ConditionField.METADATA
CONTAINS, EQUALS, STARTS, IN, MATCHES = Operator.CONTAINS, Operator.EQUALS, Operator.STARTS_WITH, Operator.IN, Operator.MATCHES

SHOP = UUID(int=77)
AGENTS = [agent(1, 0, 5, SALES), agent(2, 0, 0), agent(3, 0, 0, HELP)]
EMPTY = UUID(int=903)
GROUPS = {SALES: "Sales", HELP: "Help", EMPTY: "Empty"}


def checked(*advanced: AdvancedRule) -> list[Problem]:
    return problems(
        AssignmentSettings(rules=list(advanced)),
        agents=AGENTS,
        groups=GROUPS,
        disabled=[UUID(int=4)],
        channels=[SHOP],
        region_known=lambda code: code.startswith("CN"),
    )


def found(*advanced: AdvancedRule) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in checked(*advanced)]


def of(*conditions: Condition) -> list[tuple[str, str]]:
    """Problems of a rule with these conditions, below its first group."""
    return [(field.removeprefix("rules.0.groups.0").removeprefix("."), code) for field, code in found(rule(1, *conditions, agents=[1]))]


def test_sound_rules_have_no_problems() -> None:
    sound = rule(1, ON_PHONE, looks(REGION, IN, "CN/广东省"), times(([1], "22:00", "06:00")), agents=[1], groups=[SALES])

    assert found(sound, rule(2, ON_DESKTOP, agents=[1])) == []


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({}, [("rules.0.agent_ids", "no_targets")]),
        ({"agents": [1, 9]}, [("rules.0.agent_ids.1", "unknown_agent")]),
        ({"agents": [2]}, [("rules.0.agent_ids.0", "cannot_serve")]),
        ({"agents": [4]}, [("rules.0.agent_ids.0", "cannot_serve")]),
        ({"groups": [SALES, UUID(int=9)]}, [("rules.0.group_ids.1", "unknown_group")]),
        ({"groups": [EMPTY]}, [("rules.0.group_ids.0", "empty_group")]),
        ({"groups": [HELP]}, [("rules.0.group_ids.0", "cannot_serve")]),
    ],
)
def test_targets_who_cannot_serve_are_named(targets: Any, expected: list[tuple[str, str]]) -> None:
    assert found(rule(1, **targets)) == expected


def test_only_missing_targets_bad_expressions_and_repeated_ids_refuse_the_save() -> None:
    broken = rule(1, looks(KEYWORD, MATCHES, "(", "[a-"), looks(DEVICE, EQUALS, "fridge"), groups=[EMPTY], agents=[9])

    blocking = {(one.field, one.code) for one in checked(broken, rule(1)) if one.blocking}

    assert blocking == {
        ("rules.0.groups.0.conditions.0.values.0", "bad_expression"),
        ("rules.0.groups.0.conditions.0.values.1", "bad_expression"),
        ("rules.1.agent_ids", "no_targets"),
        ("rules.1.id", "duplicate_id"),
    }


@pytest.mark.parametrize(
    "expression", ["(" * 500, "((((a{1,900}){1,900}){1,900}){1,900})" * 10, "a**", r"\L<words>", "(?P<n>a)(?P<n", "[[:nope:]]" * 40]
)
def test_any_text_is_either_an_expression_or_refused(expression: str) -> None:
    assert {code for _, code in of(looks(KEYWORD, MATCHES, expression))} <= {"bad_expression"}


def test_the_same_name_twice_is_said() -> None:
    assert found(rule(1, agents=[1]), rule(2, ON_DESKTOP, agents=[1], name="RULE 1")) == [("rules.1.name", "duplicate_name")]


@pytest.mark.parametrize(
    ("condition", "where"),
    [
        (looks(DEVICE, IN, "phone", "fridge"), "values.1"),
        (looks(DEVICE, CONTAINS, "x"), "values.0"),
        (looks(CHANNEL, EQUALS, str(UUID(int=78))), "values.0"),
        (looks(CHANNEL, IN, "shop"), "values.0"),
        (looks(REGION, IN, "XX"), "values.0"),
        (looks(LANGUAGE, EQUALS, "simplified chinese"), "values.0"),
        (looks(LANDING, EQUALS, "shop.example/a"), "values.0"),
        (looks(LANDING, STARTS, "www."), "values.0"),
        (looks(METADATA, EQUALS, "gold"), "key"),
        (times(([1], "08:00", "08:00")), "windows.0"),
    ],
)
def test_a_value_nobody_can_have_is_named(condition: Condition, where: str) -> None:
    assert of(condition) == [(f"conditions.0.{where}", "never_matches")]


@pytest.mark.parametrize(
    "condition",
    [
        looks(DEVICE, STARTS, "ta"),
        looks(CHANNEL, EQUALS, str(SHOP)),
        looks(REGION, CONTAINS, "广东"),
        looks(LANGUAGE, IN, "zh_CN", "pt-BR"),
        looks(LANDING, STARTS, "http"),
        looks(LANDING, EQUALS, "/a"),
        looks(LANDING, CONTAINS, "shop.example/a"),
        looks(METADATA, EQUALS, "gold", key="level"),
    ],
)
def test_values_somebody_may_have_are_no_problem(condition: Condition) -> None:
    assert of(condition) == []


CONTRADICTIONS = [
    (ON_PHONE, ON_DESKTOP),
    (looks(REGION, IN, "CN/广东省"), looks(REGION, EQUALS, "CN/江苏省/南京市")),
    (looks(LANGUAGE, IN, "zh"), looks(LANGUAGE, IN, "en")),
    (looks(KEYWORD, EQUALS, "发票"), looks(KEYWORD, CONTAINS, "退货")),
    (looks(KEYWORD, STARTS, "a"), looks(KEYWORD, STARTS, "b")),
    (looks(KEYWORD, STARTS, "b"), looks(KEYWORD, IN, "abc", "cba")),
    (looks(LANDING, EQUALS, "https://a.example/x"), looks(LANDING, STARTS, "https://b.example")),
    (looks(METADATA, EQUALS, "1", key="k"), looks(METADATA, EQUALS, "2", key="K")),
    (times(([1, 2, 3, 4, 5], "08:00", "18:00")), times(([6, 7], "00:00", "24:00"))),
    (times(([1], "08:00", "12:00")), times(([1], "12:00", "18:00"))),
]

COMPATIBLE = [
    (ON_PHONE, looks(LANGUAGE, IN, "zh")),
    (looks(REGION, IN, "CN/广东省"), looks(REGION, IN, "CN/广东省/佛山市")),
    (looks(REGION, IN, "CN/广东省"), looks(REGION, CONTAINS, "佛山")),
    (looks(KEYWORD, CONTAINS, "a"), looks(KEYWORD, CONTAINS, "b")),
    (looks(KEYWORD, STARTS, "a"), looks(KEYWORD, STARTS, "ab")),
    (looks(TAG, EQUALS, "a"), looks(TAG, EQUALS, "b")),
    (looks(LANDING, EQUALS, "/a"), looks(LANDING, CONTAINS, "shop.example")),
    (looks(LANDING, EQUALS, "https://shop.example/a"), looks(LANDING, CONTAINS, "example/a/")),
    (looks(METADATA, EQUALS, "1", key="k"), looks(METADATA, EQUALS, "2", key="l")),
    (times(([1], "22:00", "06:00")), times(([2], "05:00", "08:00"))),
]


@pytest.mark.parametrize("pair", CONTRADICTIONS)
def test_conditions_that_exclude_one_another_are_named_where_they_stand(pair: tuple[Condition, Condition]) -> None:
    assert of(*pair) == [("", "never_matches")]
    assert found(_apart(pair)) == [("rules.0", "never_matches")]


def _apart(pair: tuple[Condition, Condition]) -> AdvancedRule:
    groups = [ConditionGroup(match="any", conditions=[one]) for one in pair]
    return AdvancedRule(id=UUID(int=1), name="apart", groups=groups, agent_ids=[UUID(int=1)])


@pytest.mark.parametrize("pair", CONTRADICTIONS)
def test_where_any_of_them_is_enough_they_are_no_problem(pair: tuple[Condition, Condition]) -> None:
    either = ConditionGroup(match="any", conditions=list(pair))

    assert found(AdvancedRule(id=UUID(int=1), name="either", groups=[either], agent_ids=[UUID(int=1)])) == []


@pytest.mark.parametrize("pair", COMPATIBLE)
def test_conditions_that_may_hold_together_are_no_problem(pair: tuple[Condition, Condition]) -> None:
    assert of(*pair) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ([ON_PHONE], [ON_PHONE]),
        ([ON_PHONE], [ON_PHONE, looks(KEYWORD, CONTAINS, "x")]),
        ([times(([1, 2, 3, 4, 5, 6, 7], "00:00", "24:00"))], [ON_PHONE]),
        ([looks(REGION, IN, "CN")], [looks(REGION, IN, "CN/广东省", "CN/江苏省/南京市")]),
        ([looks(KEYWORD, CONTAINS, "退")], [looks(KEYWORD, STARTS, "退货")]),
        ([looks(LANDING, STARTS, "https://a.example")], [looks(LANDING, EQUALS, "https://a.example/x")]),
        ([times(([1, 2], "08:00", "20:00"))], [times(([1], "09:00", "12:00"), ([2], "10:00", "20:00"))]),
        ([looks(KEYWORD, MATCHES, "a+", "b+")], [looks(KEYWORD, MATCHES, "a+")]),
    ],
)
def test_a_rule_that_never_gets_its_turn_is_named(earlier: list[Condition], later: list[Condition]) -> None:
    rules = rule(1, *earlier, agents=[1]), rule(2, *later, agents=[1])

    assert found(*rules) == [("rules.1", "shadowed")]
    assert found(rules[0].model_copy(update={"enabled": False}), rules[1]) == []
    assert found(rules[1], rules[0]) == ([] if earlier != later else [("rules.1", "shadowed")])


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (looks(KEYWORD, STARTS, "退"), looks(KEYWORD, CONTAINS, "退货")),
        (looks(KEYWORD, EQUALS, "退货"), looks(KEYWORD, STARTS, "退货")),
        (looks(KEYWORD, EQUALS, "退货"), looks(KEYWORD, IN, "退货", "发票")),
        (looks(REGION, IN, "CN/广东省"), looks(REGION, IN, "CN")),
        (looks(METADATA, EQUALS, "1", key="a"), looks(METADATA, EQUALS, "1", key="b")),
        (looks(KEYWORD, MATCHES, "a+"), looks(KEYWORD, MATCHES, "a+", "b+")),
        (looks(LANDING, CONTAINS, "/a"), looks(LANDING, CONTAINS, "shop.example/a")),
        (times(([1], "09:00", "12:00")), times(([1], "09:00", "12:01"))),
        (times(([1, 2, 3, 4, 5, 6, 7], "00:00", "23:59")), ON_PHONE),
    ],
)
def test_a_rule_that_sometimes_gets_its_turn_is_no_problem(earlier: Condition, later: Condition) -> None:
    assert found(rule(1, earlier, agents=[1]), rule(2, later, agents=[1])) == []


# What is said of conditions is true of all cases

TEXTS = ["ab", "abc", "b", "bc", "a"]
operators = some.sampled_from([CONTAINS, EQUALS, STARTS, IN])
values = some.lists(some.sampled_from(TEXTS), min_size=1, max_size=2)
conditions = (
    some.builds(lambda operator, wanted: looks(KEYWORD, operator, *wanted), operators, values)
    | some.builds(lambda operator, wanted: looks(REGION, operator, *wanted), operators, some.lists(some.sampled_from(["a", "a/b", "a/b/c", "ab"]), min_size=1, max_size=2))
    | some.builds(lambda operator, wanted: looks(LANDING, operator, *wanted), operators, some.lists(some.sampled_from(["/a", "/a/", "/a/b", "http://x/a", "http://x/a/"]), min_size=1, max_size=2))
    | some.builds(lambda operator, wanted: looks(TAG, operator, *wanted), operators, values)
    | some.builds(lambda day, start, until: times(([day], f"{start:02}:00", f"{until:02}:00")), some.integers(1, 2), some.integers(8, 12), some.integers(8, 12))
)  # fmt: skip
groups = some.builds(
    lambda match, inner: ConditionGroup(match=match, conditions=inner),
    some.sampled_from(["all", "any"]),
    some.lists(conditions, min_size=1, max_size=3),
)
some_rules = some.builds(
    lambda match, inner: AdvancedRule(id=UUID(int=1), name="some", match=match, groups=inner),
    some.sampled_from(["all", "any"]),
    some.lists(groups, min_size=1, max_size=2),
)
cases = some.builds(
    lambda keyword, region, page, tags, minutes: with_case(
        search_keyword=keyword, region=region, landing_page=page, tags=tags, now=MONDAY_NOON.replace(hour=0) + dt.timedelta(minutes=minutes)
    ),
    some.none() | some.sampled_from(TEXTS),
    some.none() | some.sampled_from(["a", "a/b", "a/b/c", "ab", "b"]),
    some.none() | some.sampled_from(["http://x/a", "http://x/a/", "http://x/a/b", "http://y/a", "http://x"]),
    some.sets(some.sampled_from(TEXTS)).map(frozenset),
    some.integers(0, 2 * 24 * 60 - 1),
)


def holds(advanced: AdvancedRule, case: Case) -> bool:
    return rule_check(advanced.groups, every=advanced.match == "all")(Seen(case, worked))


@given(some_rules, some_rules, some.lists(cases, min_size=5, max_size=20))
def test_a_rule_called_impossible_or_shadowed_truly_is(earlier: AdvancedRule, later: AdvancedRule, visitors: list[Case]) -> None:
    impossible = not prepared(later).ways
    shadowed = covers(prepared(earlier), prepared(later))

    for case in visitors:
        if holds(later, case):
            assert not impossible
            assert not shadowed or holds(earlier, case)


def test_hundreds_of_rules_are_checked() -> None:
    many = [
        rule(number, looks(KEYWORD, CONTAINS, f"word {number:03}"), ON_PHONE, times(([1], "08:00", "09:00")), agents=[1])
        for number in range(200)
    ]

    assert found(*many) == []
    assert found(*many[:199], rule(200, looks(KEYWORD, CONTAINS, "word 007 "), ON_PHONE, times(([1], "08:00", "08:30")), agents=[1])) == [
        ("rules.199", "shadowed")
    ]


# Delayed transfer and working hours


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], []),
        ([11], []),
        ([11, 12, 179], []),
        ([10], [("steps.0.seconds", "too_early")]),
        ([180], [("steps.0.seconds", "too_late")]),
        ([60, 60], [("steps.1.seconds", "not_later")]),
        ([60, 30, 45], [("steps.1.seconds", "not_later"), ("steps.2.seconds", "not_later")]),
        ([60, 200, 100], [("steps.1.seconds", "too_late"), ("steps.2.seconds", "not_later")]),
    ],
)
def test_delayed_steps_rise_strictly_between_10_and_180_seconds(seconds: list[int], expected: list[tuple[str, str]]) -> None:
    settings = TransferSettings(steps=[DelayedStep(seconds=one) for one in seconds])

    found = transfer_problems(settings, groups=())

    assert [(one.field, one.code) for one in found] == expected
    assert all(one.blocking for one in found)


def test_a_step_that_is_not_later_says_so() -> None:
    settings = TransferSettings(steps=[DelayedStep(seconds=60), DelayedStep(seconds=50)])

    assert transfer_problems(settings, groups=())[0].message.startswith("Must be later than the step before")


def test_groups_of_delayed_steps_are_looked_at() -> None:
    settings = TransferSettings(
        steps=[DelayedStep(seconds=20, group_id=SALES), DelayedStep(seconds=30, group_id=HELP), DelayedStep(seconds=40, group_id=EMPTY)]
    )

    found = transfer_problems(settings, groups={SALES, EMPTY}, empty_groups={EMPTY})

    assert [(one.field, one.code, one.blocking) for one in found] == [
        ("steps.1.group_id", "unknown_group", False),
        ("steps.2.group_id", "empty_group", False),
    ]


def spans(*parts: tuple[str, str]) -> list[Interval]:
    return [Interval(start=start, until=until) for start, until in parts]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (spans(("08:00", "12:00"), ("12:00", "24:00")), []),
        (spans(("12:00", "08:00")), [("week.0.0.until", "ends_before_start")]),
        (spans(("08:00", "08:00")), [("week.0.0.until", "ends_before_start")]),
        (spans(("08:00", "12:00"), ("11:59", "13:00")), [("week.0.1.start", "overlaps")]),
        (spans(("14:00", "18:00"), ("08:00", "12:00")), [("week.0.1.start", "overlaps")]),
    ],
)
def test_spans_of_a_day_come_in_order_and_do_not_overlap(day: list[Interval], expected: list[tuple[str, str]]) -> None:
    settings = HoursSettings(enabled=True, week=[day, [], [], [], [], [], []])

    assert [(one.field, one.code) for one in hours_problems(settings, groups=())] == expected


def test_days_and_groups_are_named_once_and_exist() -> None:
    week = [spans(("08:00", "18:00"))] * 7
    holiday = ExceptionalDay(day=dt.date(2026, 10, 1), open=False, name="国庆节")
    settings = HoursSettings(
        enabled=True, week=week, exceptions=[holiday, holiday], groups=[GroupHours(group_id=one, week=week) for one in (SALES, SALES, HELP)]
    )

    assert [(one.field, one.code, one.blocking) for one in hours_problems(settings, groups={SALES})] == [
        ("exceptions.1.day", "duplicate_day", True),
        ("groups.1.group_id", "duplicate_group", True),
        ("groups.2.group_id", "unknown_group", False),
    ]


def test_hours_that_never_open_are_said() -> None:
    assert [one.code for one in hours_problems(HoursSettings(enabled=True), groups=())] == ["never_open"]
    assert hours_problems(HoursSettings(enabled=False), groups=()) == []
