"""Points of this module, and what scope means for a conversation.

A conversation belongs to the agent who serves it. Scope *self* sees one's own; *some groups* adds those of colleagues in these
groups; *all* adds everybody's. Waiting conversations are seen by whoever may take them, ended ones as their last agent's.
"""

from __future__ import annotations

from qiatan.kit.access import LEADING, SERVING, Point

SERVE = Point(
    "conversations.serve",
    "Receive conversations, write in one's own, and see their customers",
    everyday=True,
    templates=SERVING,
    personal=True,
)
TAKE = Point("conversations.take", "See the queue and take waiting conversations", everyday=True, templates=SERVING, personal=True)
END = Point("conversations.end", "End conversations one serves", everyday=True, templates=SERVING, personal=True)
VIEW_COLLEAGUES = Point("conversations.view_colleagues", "Read colleagues' conversations within the scope", templates=LEADING)

POINTS = (SERVE, TAKE, END, VIEW_COLLEAGUES)
