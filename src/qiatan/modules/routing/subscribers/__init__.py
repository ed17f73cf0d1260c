"""Reactions of routing: to other modules' events, to time, and to visitors who come and go."""

from qiatan.modules.routing.subscribers.assigner import Assigner
from qiatan.modules.routing.subscribers.hours_keeper import HoursKeeper
from qiatan.modules.routing.subscribers.queue_keeper import QueueKeeper
from qiatan.modules.routing.subscribers.timers import TIMERS

__all__ = ["TIMERS", "Assigner", "HoursKeeper", "QueueKeeper"]
