"""The use cases of routing; the doors call these."""

from qiatan.modules.routing.repository.settings import keeping_hours
from qiatan.modules.routing.service.absent import absent_due, fire_absent, look_after_everybody, next_absent_due
from qiatan.modules.routing.service.attendance import attendance
from qiatan.modules.routing.service.case import case_of
from qiatan.modules.routing.service.decisions import decisions
from qiatan.modules.routing.service.delayed import dismiss_void, fire, reschedule
from qiatan.modules.routing.service.hours import Opening, opening
from qiatan.modules.routing.service.offers import close_offer, expire_offer, refuse_offer, transfer_offers, withdraw_offer
from qiatan.modules.routing.service.placement import (
    MAX_NEW,
    MESSAGES_OF_EACH,
    Look,
    Settled,
    assign_next,
    claim,
    look,
    place,
    release_idle,
    settle,
)
from qiatan.modules.routing.service.presence import (
    announce,
    announce_opening,
    availability,
    connected,
    disconnected,
    lapse,
    list_presence,
    renew,
    set_presence,
)
from qiatan.modules.routing.service.queue import (
    count,
    end_forgotten,
    end_request,
    enterprises_to_look_at,
    enterprises_with_requests,
    leave_queue,
    new_longest_wait,
    queue,
    queue_place,
    renew_queued,
    routing,
    routings,
)
from qiatan.modules.routing.service.requests import QUEUE_LEASE, note_assignment
from qiatan.modules.routing.service.roster import candidates, surroundings
from qiatan.modules.routing.service.saving import (
    check_assignment,
    read_calendar_file,
    save_assignment,
    save_hours,
    save_queue_settings,
    save_transfers,
    see_assignment,
    see_hours,
    see_queue_settings,
    see_transfers,
)
from qiatan.modules.routing.service.simulations import list_simulations, see_simulation, start_simulation
from qiatan.modules.routing.service.taking import take, take_over
from qiatan.modules.routing.service.targets import transfer_targets
from qiatan.modules.routing.service.transfers import accept_offer, transfer
from qiatan.modules.routing.service.trial import try_rules
from qiatan.modules.routing.service.wishes import set_wish

__all__ = [
    "MAX_NEW",
    "MESSAGES_OF_EACH",
    "QUEUE_LEASE",
    "Look",
    "Opening",
    "Settled",
    "absent_due",
    "accept_offer",
    "announce",
    "announce_opening",
    "assign_next",
    "attendance",
    "availability",
    "candidates",
    "case_of",
    "check_assignment",
    "claim",
    "close_offer",
    "connected",
    "count",
    "decisions",
    "disconnected",
    "dismiss_void",
    "end_forgotten",
    "end_request",
    "enterprises_to_look_at",
    "enterprises_with_requests",
    "expire_offer",
    "fire",
    "fire_absent",
    "keeping_hours",
    "lapse",
    "leave_queue",
    "list_presence",
    "list_simulations",
    "look",
    "look_after_everybody",
    "new_longest_wait",
    "next_absent_due",
    "note_assignment",
    "opening",
    "place",
    "queue",
    "queue_place",
    "read_calendar_file",
    "refuse_offer",
    "release_idle",
    "renew",
    "renew_queued",
    "reschedule",
    "routing",
    "routings",
    "save_assignment",
    "save_hours",
    "save_queue_settings",
    "save_transfers",
    "see_assignment",
    "see_hours",
    "see_queue_settings",
    "see_simulation",
    "see_transfers",
    "set_presence",
    "set_wish",
    "settle",
    "start_simulation",
    "surroundings",
    "take",
    "take_over",
    "transfer",
    "transfer_offers",
    "transfer_targets",
    "try_rules",
    "withdraw_offer",
]
