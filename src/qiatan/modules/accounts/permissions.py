"""Permission points of accounts, and what scope means for its objects.

An agent is in scope when it is the actor, a member of a group the actor's scope names, or anybody where scope is `all`.
A group is in scope when the scope names it or is `all`. The enterprise is in everybody's scope.
"""

from __future__ import annotations

from qiatan.kit.access import Point

VIEW_ENTERPRISE = Point("enterprise.view", "See the enterprise's name and settings", everyday=True)
EDIT_ENTERPRISE = Point("enterprise.edit", "Change the enterprise's name and settings")
VIEW_AGENTS = Point("agents.view", "See accounts and groups")
EDIT_AGENTS = Point("agents.edit", "Invite, change and disable accounts")
EDIT_GROUPS = Point("groups.edit", "Make, change and delete groups")

POINTS = (VIEW_ENTERPRISE, EDIT_ENTERPRISE, VIEW_AGENTS, EDIT_AGENTS, EDIT_GROUPS)
