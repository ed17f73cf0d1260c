"""Pure decisions about quick replies: what an entry may hold, how it is found, what a row of a spreadsheet means."""

from qiatan.modules.replies.rules.entries import CheckedEntry, check_entry, check_group_name, check_title
from qiatan.modules.replies.rules.order import moved
from qiatan.modules.replies.rules.pinyin import Pinyin, pinyin_of
from qiatan.modules.replies.rules.rows import HEADINGS, Plan, Row, columns_of, plan

__all__ = [
    "HEADINGS",
    "CheckedEntry",
    "Pinyin",
    "Plan",
    "Row",
    "check_entry",
    "check_group_name",
    "check_title",
    "columns_of",
    "moved",
    "pinyin_of",
    "plan",
]
