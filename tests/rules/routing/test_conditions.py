from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from qiatan.infra.clock import worked
from qiatan.modules.routing.contracts.conditions import Condition, ConditionField, ConditionGroup, Operator, VisitorCondition
from qiatan.modules.routing.rules.case import Case
from qiatan.modules.routing.rules.conditions import EXPRESSIONS_SECONDS, Seen, condition_check, path_of, rule_check, spans
from tests.rules.routing.given import CASE, MONDAY_NOON, ON_DESKTOP, ON_PHONE, looks, rule, rules, times, with_case

LANDING, CURRENT, REGION, ENGINE = (
    ConditionField.LANDING_PAGE,
    ConditionField.CURRENT_PAGE,
    ConditionField.REGION,
    ConditionField.SEARCH_ENGINE,
)
KEYWORD, CHANNEL, DEVICE, LANGUAGE = ConditionField.SEARCH_KEYWORD, ConditionField.CHANNEL, ConditionField.DEVICE, ConditionField.LANGUAGE
TAG, METADATA = ConditionField.CUSTOMER_TAG, ConditionField.METADATA
CONTAINS, EQUALS, STARTS, IN, MATCHES = Operator.CONTAINS, Operator.EQUALS, Operator.STARTS_WITH, Operator.IN, Operator.MATCHES


def holds(condition: Condition, case: Case = CASE) -> bool:
    return condition_check(condition)(Seen(case, worked))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (looks(LANDING, CONTAINS, "FROM=mail"), True),
        (looks(LANDING, CONTAINS, "from=ad"), False),
        (looks(LANDING, CONTAINS, "#top"), True),
        (looks(LANDING, CONTAINS, "/spring?from"), True),
        (looks(LANDING, STARTS, "https://shop.example/spr"), True),
        (looks(LANDING, STARTS, "/spr"), True),
        (looks(LANDING, STARTS, "/pring"), False),
        (looks(LANDING, STARTS, "shop.example"), False),
        (looks(LANDING, EQUALS, "/spring?from=mail"), True),
        (looks(LANDING, EQUALS, "/spring"), False),
        (looks(CURRENT, EQUALS, "https://SHOP.example/cart/"), True),
        (looks(CURRENT, IN, "/home", "/cart"), True),
        (looks(CURRENT, EQUALS, "https://shop.example"), False),
        (looks(LANDING, MATCHES, r"/spring\?from=(mail|sms)"), True),
        (looks(LANDING, MATCHES, r"^/spring"), False),
        (looks(REGION, IN, "CN/广东省"), True),
        (looks(REGION, IN, "CN"), True),
        (looks(REGION, EQUALS, "cn/广东省/佛山市"), True),
        (looks(REGION, IN, "CN/广东"), False),
        (looks(REGION, IN, "CN/江苏省", "CN/广东省"), True),
        (looks(REGION, STARTS, "CN/广东"), True),
        (looks(REGION, CONTAINS, "佛山"), True),
        (looks(LANGUAGE, IN, "zh"), True),
        (looks(LANGUAGE, IN, "zh_cn"), True),
        (looks(LANGUAGE, EQUALS, "z"), False),
        (looks(LANGUAGE, IN, "en"), False),
        (looks(ENGINE, EQUALS, "Baidu"), True),
        (looks(KEYWORD, CONTAINS, "红木", "椅子"), True),
        (looks(KEYWORD, CONTAINS, "椅子"), False),
        (looks(KEYWORD, STARTS, "家具"), False),
        (looks(CHANNEL, EQUALS, str(UUID(int=77)).upper()), True),
        (looks(CHANNEL, IN, str(UUID(int=78))), False),
        (looks(DEVICE, IN, "tablet", "Phone"), True),
        (looks(TAG, EQUALS, "vip"), True),
        (looks(TAG, IN, "new", "回头客"), True),
        (looks(TAG, CONTAINS, "回头"), True),
        (looks(TAG, STARTS, "头"), False),
        (looks(TAG, MATCHES, "^v.p$"), True),
        (looks(METADATA, EQUALS, "gold", key="level"), True),
        (looks(METADATA, EQUALS, "gold", key="rank"), False),
        (looks(METADATA, MATCHES, "g.l", key="LEVEL"), True),
    ],
)
def test_a_condition_looks_at_its_field_with_letters_without_case(condition: Condition, expected: bool) -> None:
    assert holds(condition) is expected


UNKNOWN = Case(
    landing_page=None,
    current_page=None,
    region=None,
    search_engine=None,
    search_keyword=None,
    channel_id=None,
    device=None,
    language=None,
    tags=frozenset(),
    metadata={},
    now=MONDAY_NOON,
)


@pytest.mark.parametrize("field", list(ConditionField))
@pytest.mark.parametrize("operator", list(Operator))
def test_what_is_unknown_of_a_visitor_matches_nothing(field: ConditionField, operator: Operator) -> None:
    assert not holds(looks(field, operator, "/", ".*", key="level"), UNKNOWN)


def test_a_value_of_blanks_is_refused_and_cannot_match_everything() -> None:
    with pytest.raises(ValidationError, match="Write something"):
        VisitorCondition(field=KEYWORD, operator=CONTAINS, values=["   "])


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://a.example", "/"),
        ("https://a.example?x=1", "/?x=1"),
        ("https://a.example/b/c?d=/e#f", "/b/c?d=/e"),
        ("https://a.example#/route", "/"),
        ("/only/path", "/only/path"),
    ],
)
def test_the_path_begins_after_the_host(url: str, path: str) -> None:
    assert path_of(url) == path


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2026, 3, 6, 21, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 6, 22, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 7, 5, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 7, 6, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 7, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 8, 22, 30, tzinfo=UTC), True),
        (datetime(2026, 3, 9, 5, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 9, 6, 0, tzinfo=UTC), False),
    ],
)
def test_a_span_over_midnight_belongs_to_the_day_it_begins_on(moment: datetime, inside: bool) -> None:
    friday_and_sunday_nights = times(([5, 7], "22:00", "06:00"))

    assert holds(friday_and_sunday_nights, with_case(now=moment)) is inside


def test_24_is_the_end_of_the_day_and_the_next_minute_is_outside() -> None:
    monday = times(([1], "00:00", "24:00"))

    assert holds(monday, with_case(now=datetime(2026, 3, 2, 23, 59, tzinfo=UTC)))
    assert not holds(monday, with_case(now=datetime(2026, 3, 3, 0, 0, tzinfo=UTC)))
    assert not holds(monday, with_case(now=datetime(2026, 3, 1, 23, 59, tzinfo=UTC)))


clocks = some.builds("{:02}:{:02}".format, some.integers(0, 23), some.integers(0, 59)) | some.just("24:00")
windows = some.tuples(some.lists(some.integers(1, 7), min_size=1, max_size=3), clocks, clocks)


@given(some.lists(windows, min_size=1, max_size=4), some.integers(0, 7 * 24 * 60 - 1))
def test_merged_spans_say_what_each_window_says(wanted: list[tuple[list[int], str, str]], minute: int) -> None:
    def clock(text: str) -> timedelta:
        return timedelta(hours=int(text[:2]), minutes=int(text[3:]))

    monday = datetime(2026, 3, 2, tzinfo=UTC)
    moment = monday + timedelta(minutes=minute)
    inside = False
    for days, start, until in wanted:
        for day in days:
            for week in (-7, 0):
                begin = monday + timedelta(days=day - 1 + week) + clock(start)
                end = monday + timedelta(days=day - 1 + week + (1 if clock(until) < clock(start) else 0)) + clock(until)
                inside = inside or begin <= moment < end

    condition = times(*wanted)
    merged = spans(condition.windows)

    assert holds(condition, with_case(now=moment)) is inside
    assert all(a[1] < b[0] for a, b in pairwise(merged))


YES, NO = ON_PHONE, ON_DESKTOP


@pytest.mark.parametrize("every", [True, False])
@given(
    some.lists(some.tuples(some.sampled_from(["all", "any"]), some.lists(some.booleans(), min_size=1, max_size=3)), min_size=1, max_size=3)
)
def test_groups_and_rules_mean_all_or_any(every: bool, shape: list[tuple[str, list[bool]]]) -> None:
    groups = [
        ConditionGroup.model_validate({"match": match, "conditions": [YES if one else NO for one in values]}) for match, values in shape
    ]
    inner = [all(values) if match == "all" else any(values) for match, values in shape]

    assert rule_check(groups, every=every)(Seen(CASE, worked)) is (all(inner) if every else any(inner))


EXPLODING = looks(KEYWORD, MATCHES, "(a+)+(a+)+(a+)+$")
ENDLESS = with_case(search_keyword="a" * 400 + "!")


def test_an_expression_that_explodes_counts_as_not_matching_and_is_named() -> None:
    compiled = rules(rule(1, EXPLODING), rule(2, ON_PHONE))

    match = compiled.first_match(ENDLESS)

    assert match.rule is not None
    assert match.rule.name == "rule 2"
    assert match.failed == ["rule 1"]
    assert match.slow == ["rule 1"]


def test_after_a_few_exploding_expressions_no_further_one_is_tried() -> None:
    tame = looks(KEYWORD, MATCHES, "^a")
    seen = Seen(ENDLESS, worked)
    exploding, harmless = condition_check(EXPLODING), condition_check(tame)

    assert harmless(seen)
    while seen.left > 0:
        assert not exploding(seen)
    exploded = seen.slow
    assert not harmless(seen)
    assert seen.slow == exploded + 1


def test_expressions_that_are_each_quick_enough_have_one_time_together() -> None:
    """Given expressions of which each takes more than a fifth of the time, the sixth is not asked, though it would hold."""
    seen = Seen(ENDLESS, count(step=EXPRESSIONS_SECONDS / 4.5).__next__)
    slow = condition_check(VisitorCondition(field=KEYWORD, operator=MATCHES, values=["b", "c", "d", "e", "f", "^a"]))
    fifth = condition_check(VisitorCondition(field=KEYWORD, operator=MATCHES, values=["b", "c", "d", "e", "^a"]))

    assert not slow(seen)
    assert seen.slow == 1
    assert fifth(Seen(ENDLESS, count(step=EXPRESSIONS_SECONDS / 4.5).__next__))


def test_an_expression_that_cannot_be_read_matches_nothing() -> None:
    assert not holds(VisitorCondition(field=KEYWORD, operator=MATCHES, values=["("]))
    assert holds(VisitorCondition(field=KEYWORD, operator=MATCHES, values=["(", "红木"]))


def test_disabled_rules_are_not_asked() -> None:
    match = rules(rule(1, ON_PHONE, enabled=False), rule(2, ON_DESKTOP)).first_match(CASE)

    assert match.rule is None
    assert match.failed == ["rule 2"]
