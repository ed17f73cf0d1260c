"""Many values, or many pairs, in one parameter."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Text, any_, cast, column, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import InstrumentedAttribute


def is_one_of(of: InstrumentedAttribute[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """`of IN values`, as one text of a statement however many there are: it is read, prepared and planned once, where `in_` makes
    another statement for every number of values."""
    return of == any_(literal(list(values), ARRAY(of.type)))


def is_among(
    left: InstrumentedAttribute[Any], right: InstrumentedAttribute[Any], pairs: Collection[tuple[object, object]]
) -> ColumnElement[bool]:
    """`(left, right) IN pairs`.

    A parameter for each value, as `in_` makes them, holds up everybody else in the process for tens of milliseconds at a thousand pairs.
    """
    told = msgspec.json.encode([{"l": one, "r": other} for one, other in pairs]).decode()
    rows = func.jsonb_to_recordset(cast(literal(told, Text), JSONB)).table_valued(column("l", left.type), column("r", right.type))
    asked = rows.render_derived(name="asked", with_types=True)
    return tuple_(left, right).in_(select(asked.c.l, asked.c.r))
