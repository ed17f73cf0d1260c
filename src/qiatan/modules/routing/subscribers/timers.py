"""What has to happen at a moment."""

from __future__ import annotations

from qiatan.infra.timers import Timer
from qiatan.modules.routing.repository import offers, requests, spans
from qiatan.modules.routing.service.absent import absent_due, fire_absent, next_absent_due
from qiatan.modules.routing.service.delayed import dismiss_void, fire
from qiatan.modules.routing.service.offers import expire_offer
from qiatan.modules.routing.service.presence import lapse

TIMERS: tuple[Timer, ...] = (
    Timer(name="routing.request", due=requests.due, next_due=requests.next_due, fire=fire, dismiss=dismiss_void),
    Timer(name="routing.offer", due=offers.due_offers, next_due=offers.next_offer_due, fire=expire_offer),
    Timer(name="routing.lease", due=spans.lapsed, next_due=spans.next_lapse, fire=lapse),
    Timer(name="routing.absent", due=absent_due, next_due=next_absent_due, fire=fire_absent),
)
