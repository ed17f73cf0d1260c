"""The one list of what the modules bring: routers, points, jobs, publishers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter

from qiatan.entrypoints.backup_jobs import jobs as backup_jobs
from qiatan.entrypoints.first_channels import jobs as channels_jobs
from qiatan.entrypoints.pages import jobs as pages_jobs
from qiatan.entrypoints.schema_jobs import jobs as schema_jobs
from qiatan.entrypoints.system import permissions as system_points
from qiatan.entrypoints.system.counters import jobs as system_jobs
from qiatan.entrypoints.system.routes import router as system_router
from qiatan.infra.jobs import JobList
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.timers import Timer
from qiatan.kit.access import Point
from qiatan.kit.events import Event
from qiatan.modules.accounts import events as accounts_events
from qiatan.modules.accounts import permissions as accounts_points
from qiatan.modules.accounts import realtime as accounts_realtime
from qiatan.modules.accounts.jobs import jobs as accounts_jobs
from qiatan.modules.accounts.routes import router as accounts_router
from qiatan.modules.channels import events as channels_events
from qiatan.modules.channels import permissions as channels_points
from qiatan.modules.channels import realtime as channels_realtime
from qiatan.modules.channels.routes import router as channels_router
from qiatan.modules.conversations import events as conversations_events
from qiatan.modules.conversations import permissions as conversations_points
from qiatan.modules.conversations import realtime as conversations_realtime
from qiatan.modules.conversations.jobs import jobs as conversations_jobs
from qiatan.modules.conversations.routes import router as conversations_router
from qiatan.modules.conversations.subscribers import TIMERS as CONVERSATION_TIMERS
from qiatan.modules.customers import events as customers_events
from qiatan.modules.customers import permissions as customers_points
from qiatan.modules.customers import realtime as customers_realtime
from qiatan.modules.customers.jobs import jobs as customers_jobs
from qiatan.modules.customers.routes import router as customers_router
from qiatan.modules.files import permissions as files_points
from qiatan.modules.files.jobs import jobs as files_jobs
from qiatan.modules.files.routes import router as files_router
from qiatan.modules.onboarding.routes import router as onboarding_router
from qiatan.modules.pictures.jobs import jobs as pictures_jobs
from qiatan.modules.pictures.routes import router as pictures_router
from qiatan.modules.push.jobs import jobs as push_jobs
from qiatan.modules.push.routes import router as push_router
from qiatan.modules.replies import events as replies_events
from qiatan.modules.replies import permissions as replies_points
from qiatan.modules.replies import realtime as replies_realtime
from qiatan.modules.replies.routes import router as replies_router
from qiatan.modules.routing import events as routing_events
from qiatan.modules.routing import permissions as routing_points
from qiatan.modules.routing import realtime as routing_realtime
from qiatan.modules.routing.jobs import jobs as routing_jobs
from qiatan.modules.routing.routes import router as routing_router
from qiatan.modules.routing.subscribers import TIMERS as ROUTING_TIMERS
from qiatan.modules.visitors import events as visitors_events
from qiatan.modules.visitors.jobs import jobs as visitors_jobs
from qiatan.modules.visitors.routes import router as visitors_router

ROUTERS: tuple[APIRouter, ...] = (
    accounts_router,
    files_router,
    pictures_router,
    customers_router,
    channels_router,
    visitors_router,
    conversations_router,
    routing_router,
    replies_router,
    onboarding_router,
    push_router,
    system_router,
)

CATALOGUE: tuple[Point, ...] = (
    *accounts_points.POINTS,
    *files_points.POINTS,
    *customers_points.POINTS,
    *channels_points.POINTS,
    *conversations_points.POINTS,
    *routing_points.POINTS,
    *replies_points.POINTS,
    *system_points.POINTS,
)

JOBS: tuple[JobList, ...] = (
    accounts_jobs,
    files_jobs,
    pictures_jobs,
    customers_jobs,
    visitors_jobs,
    channels_jobs,
    conversations_jobs,
    routing_jobs,
    push_jobs,
    system_jobs,
    backup_jobs,
    schema_jobs,
    pages_jobs,
)

TIMERS: tuple[Timer, ...] = (*CONVERSATION_TIMERS, *ROUTING_TIMERS)

Publisher = Callable[[Hub, Sequence[Event]], None]
PUBLISHERS: tuple[Publisher, ...] = (
    accounts_realtime.publish,
    channels_realtime.publish,
    conversations_realtime.publish,
    routing_realtime.publish,
    customers_realtime.publish,  # after what it says goodbye to
    replies_realtime.publish,
)

EVENTS: Mapping[str, type[Event]] = {
    event.model_fields["type"].default: event
    for module in (
        accounts_events,
        channels_events,
        conversations_events,
        customers_events,
        replies_events,
        routing_events,
        visitors_events,
    )
    for event in vars(module).values()
    if isinstance(event, type) and issubclass(event, Event) and event.__module__ == module.__name__
}
"""All events by their `type`, as they travel between nodes (a test holds that none is missing)."""
