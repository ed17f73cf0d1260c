"""The use cases of conversations; other modules and the doors call these."""

from qiatan.modules.conversations.service.changing import assign, end, end_own, release, release_all_of
from qiatan.modules.conversations.service.customer import rename_customer
from qiatan.modules.conversations.service.digest import digest_of, digests
from qiatan.modules.conversations.service.reading import (
    context,
    customer_served,
    get,
    list_conversations,
    list_own,
    mark_read,
    mark_read_own,
    messages,
    messages_own,
    open_line,
    picture,
    picture_own,
    shown,
    shown_own,
    typing_shown,
)
from qiatan.modules.conversations.service.routing_view import (
    active_count,
    active_counts,
    assignees,
    count_drift,
    enterprises_with_waiting,
    oldest_waiting,
)
from qiatan.modules.conversations.service.sending import send, send_own
from qiatan.modules.conversations.service.withdrawing import withdraw, withdraw_own

__all__ = [
    "active_count",
    "active_counts",
    "assign",
    "assignees",
    "context",
    "count_drift",
    "customer_served",
    "digest_of",
    "digests",
    "end",
    "end_own",
    "enterprises_with_waiting",
    "get",
    "list_conversations",
    "list_own",
    "mark_read",
    "mark_read_own",
    "messages",
    "messages_own",
    "oldest_waiting",
    "open_line",
    "picture",
    "picture_own",
    "release",
    "release_all_of",
    "rename_customer",
    "send",
    "send_own",
    "shown",
    "shown_own",
    "typing_shown",
    "withdraw",
    "withdraw_own",
]
