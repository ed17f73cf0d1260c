"""Pure decisions about customers."""

from qiatan.modules.customers.rules.blocks import checked_end, cleaned_reason
from qiatan.modules.customers.rules.cards import id_part, merged_metadata, shown_name
from qiatan.modules.customers.rules.fields import (
    BUILT_IN,
    OwnField,
    changed_fields,
    cleaned_field_name,
    cleaned_options,
    email_key,
    phone_key,
    phone_part,
)
from qiatan.modules.customers.rules.tags import chosen_tags, cleaned_group_name, cleaned_tag_name, new_order

__all__ = [
    "BUILT_IN",
    "OwnField",
    "changed_fields",
    "checked_end",
    "chosen_tags",
    "cleaned_field_name",
    "cleaned_group_name",
    "cleaned_options",
    "cleaned_reason",
    "cleaned_tag_name",
    "email_key",
    "id_part",
    "merged_metadata",
    "new_order",
    "phone_key",
    "phone_part",
    "shown_name",
]
