from __future__ import annotations

import pytest

from qiatan.modules.conversations.realtime import heartbeat


@pytest.fixture(autouse=True)
def _prompt_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats are gathered for half a second in earnest; tests use them to know that everything before has arrived."""
    monkeypatch.setattr(heartbeat, "GATHER_SECONDS", 0.005)
