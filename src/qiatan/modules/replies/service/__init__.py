"""The use cases of quick replies; the doors call these."""

from qiatan.modules.replies.service.counting import count_drift, mend_counters
from qiatan.modules.replies.service.grouping import change_group, create_group, delete_group, order_groups, order_replies
from qiatan.modules.replies.service.illustrating import add_picture, require_some_edit
from qiatan.modules.replies.service.reading import get, index
from qiatan.modules.replies.service.transfer import Export, Locale, export, import_rows, template
from qiatan.modules.replies.service.writing import change, create, delete, note_use

__all__ = [
    "Export",
    "Locale",
    "add_picture",
    "change",
    "change_group",
    "count_drift",
    "create",
    "create_group",
    "delete",
    "delete_group",
    "export",
    "get",
    "import_rows",
    "index",
    "mend_counters",
    "note_use",
    "order_groups",
    "order_replies",
    "require_some_edit",
    "template",
]
