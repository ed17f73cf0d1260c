"""Points of this module, and what scope means for a conversation.

A conversation belongs to the agent who serves it. Scope *self* sees one's own; *some groups* adds those of colleagues in these
groups; *all* adds everybody's. Waiting conversations are seen by whoever may take them, ended ones as their last agent's.
"""

from __future__ import annotations

from qiatan.kit.access import HEADS, LEADING, SERVING, Point

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

JOIN = Point(
    "conversations.join",
    "Join colleagues' conversations within the scope: watch, write notes to the agent, write to the customer",
    templates=LEADING,
    personal=True,
)
TAKE_OVER = Point("conversations.take_over", "Take over conversations of colleagues within the scope", templates=LEADING, personal=True)
TRANSFER = Point(
    "conversations.transfer", "Transfer conversations one serves to colleagues and groups", everyday=True, templates=SERVING, personal=True
)
EXCEED_MAXIMUM = Point(
    "conversations.exceed_maximum", "Take conversations by hand beyond one's own maximum", everyday=True, templates=SERVING, personal=True
)
INVITE_EVALUATION = Point(
    "conversations.invite_evaluation",
    "Ask the customers one serves what they think of the service",
    everyday=True,
    templates=SERVING,
    personal=True,
)
VIEW_RULES = Point("conversations.view_rules", "See the rules of conversations: automatic end, grading", templates=LEADING)
EDIT_RULES = Point("conversations.edit_rules", "Change the rules of conversations: automatic end, grading", templates=HEADS)

POINTS = (SERVE, TAKE, END, VIEW_COLLEAGUES, JOIN, TAKE_OVER, TRANSFER, EXCEED_MAXIMUM, INVITE_EVALUATION, VIEW_RULES, EDIT_RULES)
