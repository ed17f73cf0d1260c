"""Who may grant and see what; when sessions end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.access import AgentActor, Point, RegionLimit, RegionMode, Scope, ScopeKind, Template
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import BuiltinRole

NORTH, SOUTH, EAST = (UUID(int=number) for number in (1, 2, 3))
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
SERVE, EDIT = Point("talk.serve", "", everyday=True), Point("talk.edit", "")
ADMIN, AGENT = rules.RoleFacts(BuiltinRole.ADMIN), rules.RoleFacts(BuiltinRole.AGENT)

scopes = st.builds(Scope, st.sampled_from(ScopeKind), st.frozensets(st.sampled_from([NORTH, SOUTH, EAST])))


def actor(scope: Scope, points: frozenset[str] = frozenset()) -> AgentActor:
    return AgentActor(uuid4(), uuid4(), uuid4(), points, scope)


def test_admins_hold_all_points_and_agents_the_everyday_ones() -> None:
    assert rules.points_of(ADMIN, (SERVE, EDIT)) == {"talk.serve", "talk.edit"}
    assert rules.points_of(AGENT, (SERVE, EDIT)) == {"talk.serve"}


def test_a_role_brings_its_usual_scope() -> None:
    assert rules.usual_scope(ADMIN) == Scope(ScopeKind.ALL)
    assert rules.usual_scope(AGENT) == Scope(ScopeKind.SELF)


@pytest.mark.parametrize(
    ("own", "other", "covered"),
    [
        (Scope(ScopeKind.ALL), Scope(ScopeKind.ALL), True),
        (Scope(ScopeKind.ALL), Scope(ScopeKind.GROUPS, frozenset({NORTH})), True),
        (Scope(ScopeKind.GROUPS, frozenset({NORTH, SOUTH})), Scope(ScopeKind.GROUPS, frozenset({NORTH})), True),
        (Scope(ScopeKind.GROUPS, frozenset({NORTH})), Scope(ScopeKind.GROUPS, frozenset({NORTH, SOUTH})), False),
        (Scope(ScopeKind.GROUPS, frozenset({NORTH})), Scope(ScopeKind.ALL), False),
        (Scope(ScopeKind.SELF), Scope(ScopeKind.GROUPS, frozenset({NORTH})), False),
        (Scope(ScopeKind.SELF), Scope(ScopeKind.SELF), True),
    ],
)
def test_a_scope_covers_another(own: Scope, other: Scope, covered: bool) -> None:
    assert rules.covers(own, other) is covered


@given(own=scopes, other=scopes, agent_groups=st.frozensets(st.sampled_from([NORTH, SOUTH, EAST])))
def test_whoever_is_covered_sees_no_agent_that_the_covering_scope_hides(own: Scope, other: Scope, agent_groups: frozenset[UUID]) -> None:
    colleague = uuid4()
    if rules.covers(own, other) and rules.agent_in_scope(actor(other), colleague, agent_groups):
        assert rules.agent_in_scope(actor(own), colleague, agent_groups)


def test_nobody_grants_a_point_they_lack() -> None:
    holder = actor(Scope(ScopeKind.ALL), frozenset({"talk.serve"}))
    everybody, few = RegionLimit(), RegionLimit(RegionMode.ONLY, ("CN",))
    assert rules.may_grant(holder, points=frozenset({"talk.serve"}), scope=Scope(ScopeKind.ALL), regions=everybody)
    assert not rules.may_grant(holder, points=frozenset({"talk.serve", "talk.edit"}), scope=Scope(), regions=few)
    assert not rules.may_grant(replace(holder, regions=few), points=frozenset(), scope=Scope(), regions=everybody)


PLACES = ["CN", "CN/广东省", "CN/广东省/深圳市", "CN/广东省/广州市", "CN/福建省", "CN/福建省/厦门市", "US", "US/加州", ""]
limits = st.builds(RegionLimit, st.sampled_from(RegionMode), st.lists(st.sampled_from(PLACES[:-1]), max_size=3).map(tuple))


def seen(limit: RegionLimit, place: str) -> bool:
    """Whether visitors from a place (empty: nobody knows where) are seen, said once more and independently of the program."""
    named = any(place == code or place.startswith(f"{code}/") for code in limit.codes)
    return {RegionMode.ALL: True, RegionMode.ONLY: named, RegionMode.EXCEPT: not named}[limit.mode]


@given(own=limits, other=limits, place=st.sampled_from(PLACES))
def test_whoever_is_covered_sees_no_visitor_that_the_covering_limit_hides(own: RegionLimit, other: RegionLimit, place: str) -> None:
    if rules.covers_regions(own, other):
        assert seen(own, place) or not seen(other, place)


@given(limits)
def test_every_limit_covers_itself_and_nothing_less_than_everybody_covers_everybody(limit: RegionLimit) -> None:
    assert rules.covers_regions(limit, limit)
    assert rules.covers_regions(RegionLimit(), limit)
    assert rules.covers_regions(limit, RegionLimit()) == all(seen(limit, place) for place in PLACES)


@pytest.mark.parametrize(
    ("own", "other", "covered"),
    [
        (RegionLimit(RegionMode.ONLY, ("CN",)), RegionLimit(RegionMode.ONLY, ("CN/广东省", "CN/福建省/厦门市")), True),
        (RegionLimit(RegionMode.ONLY, ("CN/广东省",)), RegionLimit(RegionMode.ONLY, ("CN",)), False),
        (RegionLimit(RegionMode.ONLY, ("CN/广东省",)), RegionLimit(RegionMode.EXCEPT, ("US",)), False),
        (RegionLimit(RegionMode.EXCEPT, ("US",)), RegionLimit(RegionMode.ONLY, ("CN",)), True),
        (RegionLimit(RegionMode.EXCEPT, ("US/加州",)), RegionLimit(RegionMode.ONLY, ("US",)), False),
        (RegionLimit(RegionMode.EXCEPT, ("US/加州",)), RegionLimit(RegionMode.EXCEPT, ("US", "CN")), True),
        (RegionLimit(RegionMode.EXCEPT, ("US",)), RegionLimit(RegionMode.EXCEPT, ("US/加州",)), False),
    ],
)
def test_a_limit_covers_another(own: RegionLimit, other: RegionLimit, covered: bool) -> None:
    assert rules.covers_regions(own, other) is covered


asked = st.builds(rules.Demands, st.booleans(), st.booleans())


@given(own=asked, before=st.none() | asked, after=asked, more_points=st.booleans())
def test_no_role_gets_points_or_freedom_from_somebody_of_whom_more_is_demanded(
    own: rules.Demands, before: rules.Demands | None, after: rules.Demands, more_points: bool
) -> None:
    shed = rules.demands_shed(own, before=before, after=after, more_points=more_points)
    grows = before is None or more_points
    eased = before is not None and before.two_factor and not after.two_factor
    assert shed.two_factor == (own.two_factor and not after.two_factor and (grows or eased))
    assert shed.place == (own.place and not after.place and grows)


OWN = rules.RoleFacts(None, frozenset({"talk.edit", "fax.send"}))
names = st.frozensets(st.sampled_from(["talk.serve", "talk.edit", "talk.end", "fax.send"]))


def test_a_role_of_the_enterprises_own_holds_what_it_names_and_a_module_declares() -> None:
    assert rules.points_of(OWN, (SERVE, EDIT)) == {"talk.edit"}
    assert not OWN.is_admin
    assert rules.usual_scope(OWN) == Scope()


def test_a_template_brings_the_points_that_name_it() -> None:
    head = Point("talk.lead", "", templates=frozenset({Template.DEPARTMENT_HEAD}))
    assert rules.points_of_template(Template.DEPARTMENT_HEAD, (SERVE, head)) == {"talk.lead"}
    assert rules.points_of_template(Template.ANALYST, (SERVE, head)) == frozenset()


def test_names_that_no_module_declares_are_found() -> None:
    assert rules.unknown_points(["talk.serve", "tea.brew", "admin"], (SERVE, EDIT)) == ["admin", "tea.brew"]
    assert rules.unknown_points([], (SERVE,)) == []


@given(own=names, before=names, after=names, security=st.booleans())
def test_who_changes_a_role_can_neither_give_nor_take_what_they_lack(
    own: frozenset[str], before: frozenset[str], after: frozenset[str], security: bool
) -> None:
    allowed = rules.may_change_role(actor(Scope(ScopeKind.ALL), own), before=before, after=after, security=security)
    # What the actor lacks is in the role afterwards exactly when it was before; and where its protection changes, it has no part in it.
    lacked = (before | after) - own
    assert allowed == (before - own == after - own and not (security and lacked))


def test_scope_says_which_agents_and_groups_are_seen() -> None:
    lead = actor(Scope(ScopeKind.GROUPS, frozenset({NORTH})))
    assert rules.agent_in_scope(lead, lead.agent_id, ())
    assert rules.agent_in_scope(lead, uuid4(), {NORTH, SOUTH})
    assert not rules.agent_in_scope(lead, uuid4(), {SOUTH})
    assert rules.group_in_scope(lead, NORTH)
    assert not rules.group_in_scope(lead, SOUTH)
    # Groups that are named although the kind is not `groups` mean nothing.
    alone = actor(Scope(ScopeKind.SELF, frozenset({NORTH})))
    assert not rules.agent_in_scope(alone, uuid4(), {NORTH})
    assert not rules.group_in_scope(alone, NORTH)


def test_a_session_ends_after_thirty_silent_days_and_never_lives_beyond_ninety() -> None:
    assert rules.session_expiry(MONDAY, MONDAY) == MONDAY + timedelta(days=30)
    assert rules.session_expiry(MONDAY, MONDAY + timedelta(days=45)) == MONDAY + timedelta(days=75)
    assert rules.session_expiry(MONDAY, MONDAY + timedelta(days=89)) == MONDAY + timedelta(days=90)


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "unknown"),
    ],
)
def test_tries_are_counted_by_what_one_customer_of_a_network_holds(address: str, group: str) -> None:
    assert rules.address_group(address) == group
