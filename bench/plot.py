"""A small line chart as SVG: cost against size, both on scales that show what grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 360, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 40, 40
_COLUMNS = 2
_LABEL_APART = 28
_COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea")


@dataclass(frozen=True, slots=True)
class Curve:
    name: str
    points: Sequence[tuple[float, float]]
    """Size (above 0) and cost."""


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    size: str
    cost: str
    curves: Sequence[Curve]


def draw(charts: Sequence[Chart], target: Path) -> None:
    """Write the charts, two in a row. Sizes are logarithmic, costs linear from 0."""
    wide, tall = WIDTH * min(_COLUMNS, len(charts)), HEIGHT * math.ceil(len(charts) / _COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" font-family="sans-serif" font-size="11">',
        f'<rect width="{wide}" height="{tall}" fill="#ffffff"/>',
    ]
    for number, chart in enumerate(charts):
        row, column = divmod(number, _COLUMNS)
        parts += [f'<g transform="translate({column * WIDTH},{row * HEIGHT})">', *_draw(chart), "</g>"]
    target.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _draw(chart: Chart) -> list[str]:
    sizes = [size for curve in chart.curves for size, _ in curve.points]
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    top = _round_up(max(cost for curve in chart.curves for _, cost in curve.points))
    wide, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def x(size: float) -> float:
        return _LEFT + (wide * (math.log10(size) - low) / (high - low) if high > low else wide / 2)

    def y(cost: float) -> float:
        return _TOP + tall * (1 - cost / top)

    parts = [f'<text x="{_LEFT}" y="16" font-size="13" font-weight="600">{escape(chart.title)}</text>']
    for share in (0, 0.5, 1):
        level = y(top * share)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{level:.1f}" y2="{level:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{level + 4:.1f}" text-anchor="end" fill="#6b7280">{top * share:g}</text>')
    labelled = -math.inf
    for size in sorted(set(sizes)):
        if x(size) - labelled >= _LABEL_APART:
            labelled = x(size)
            parts.append(f'<text x="{labelled:.1f}" y="{HEIGHT - 22}" text-anchor="middle" fill="#6b7280">{_short(size)}</text>')
    parts.append(f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 6}" text-anchor="end" fill="#6b7280">{escape(chart.size)}</text>')
    parts.append(f'<text x="{_LEFT}" y="32" fill="#6b7280">{escape(chart.cost)}</text>')
    for number, curve in enumerate(chart.curves):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(f"{x(size):.1f},{y(cost):.1f}" for size, cost in curve.points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(size):.1f}" cy="{y(cost):.1f}" r="3" fill="{colour}"/>' for size, cost in curve.points]
        label = f'x="{WIDTH - _RIGHT}" y="{16 + 13 * number}"'
        parts.append(f'<text {label} text-anchor="end" fill="{colour}">{escape(curve.name)}</text>')
    return parts


def _round_up(value: float) -> float:
    scale = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(step * scale for step in (1, 2, 5, 10) if step * scale >= value)


def _short(size: float) -> str:
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{size / limit:g}{unit}"
    return f"{size:g}"
