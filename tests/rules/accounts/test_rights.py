"""Who may grant and see what; when sessions end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.access import AgentActor, Point, Scope, ScopeKind, Template
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
    assert rules.may_grant(holder, points=frozenset({"talk.serve"}), scope=Scope(ScopeKind.ALL))
    assert not rules.may_grant(holder, points=frozenset({"talk.serve", "talk.edit"}), scope=Scope())


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
