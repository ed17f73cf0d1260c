"""When an agent is not called."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from qiatan.modules.accounts.contracts import QuietHours


def is_quiet(hours: QuietHours, local: datetime) -> bool:
    """Whether nothing calls at this moment, given in the enterprise's time zone. A span that reaches over midnight belongs to the day it began on."""
    if not hours.enabled:
        return False
    start, until, now = time.fromisoformat(hours.start), time.fromisoformat(hours.until), local.time()
    today, yesterday = local.isoweekday(), (local - timedelta(days=1)).isoweekday()
    if start < until:
        return today in hours.days and start <= now < until
    return (today in hours.days and now >= start) or (yesterday in hours.days and now < until)
