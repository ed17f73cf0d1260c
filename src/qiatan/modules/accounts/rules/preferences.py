"""When an agent is not to be called."""

from __future__ import annotations

from datetime import datetime, timedelta

from qiatan.modules.accounts.contracts.preferences import QuietHours


def is_quiet(hours: QuietHours, local: datetime) -> bool:
    """Whether nothing may call at this moment, told by the clock of the enterprise's time zone.

    A span that reaches into the next day belongs to the day on which it begins.
    """
    if not hours.enabled:
        return False
    now = f"{local:%H:%M}"
    today = local.isoweekday() in hours.days
    if hours.start < hours.until:
        return today and hours.start <= now < hours.until
    yesterday = (local - timedelta(days=1)).isoweekday() in hours.days
    return (today and now >= hours.start) or (yesterday and now < hours.until)
