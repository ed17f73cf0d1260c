"""The dashboard and the alarms in the documentation name metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

from qiatan.entrypoints.app import build_app
from qiatan.entrypoints.system.monitor import Monitor
from qiatan.entrypoints.system.numbers import Numbers
from tests.support.routes import described_app

ROOT = Path(__file__).parents[2]
ASKED_FOR = {"qiatan_node_up"}
"""Told where several nodes answer."""


def _known() -> set[str]:
    monitor: Monitor = described_app().state.monitor
    numbers = Numbers(**dict.fromkeys(Numbers.__slots__, 0))
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return ASKED_FOR | {family.name + suffix for family in (*monitor.families(), *numbers.families()) for suffix in suffixes[family.kind]}


def test_the_dashboard_names_metrics_that_exist() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "qiatan.json").read_text())
    named = {name for panel in dashboard["panels"] for target in panel["targets"] for name in re.findall(r"qiatan_\w+", target["expr"])}

    assert len(named) > 20
    assert named <= _known()


def test_the_alarms_in_the_documentation_name_metrics_that_exist() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    named = set(re.findall(r"qiatan_[a-z]+_\w+", text)) | set(re.findall(r"`(qiatan_\w+)`", text))

    assert "qiatan_message_ack_seconds_bucket" in named
    assert {name for name in named if name not in {"qiatan_app", "qiatan_system"}} <= _known()


def test_an_application_can_be_built_twice() -> None:
    """Instruments belong to the process, so that building the application again counts nothing twice."""
    first = described_app()
    second = build_app(first.state.resources)

    names = [family.name for family in second.state.monitor.families()]
    assert len(names) == len(set(names))
