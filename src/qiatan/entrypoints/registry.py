"""The one list of what the modules bring: routers, points, jobs, publishers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter

from qiatan.infra.jobs import JobList
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.timers import Timer
from qiatan.kit.access import Point
from qiatan.kit.events import Event
from qiatan.modules.accounts import permissions as accounts_points
from qiatan.modules.accounts import realtime as accounts_realtime
from qiatan.modules.accounts.jobs import jobs as accounts_jobs
from qiatan.modules.accounts.routes import router as accounts_router
from qiatan.modules.channels import permissions as channels_points
from qiatan.modules.channels import realtime as channels_realtime
from qiatan.modules.channels.routes import router as channels_router
from qiatan.modules.conversations import permissions as conversations_points
from qiatan.modules.conversations import realtime as conversations_realtime
from qiatan.modules.conversations.jobs import jobs as conversations_jobs
from qiatan.modules.conversations.routes import router as conversations_router
from qiatan.modules.conversations.subscribers import TIMERS as CONVERSATION_TIMERS
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
from qiatan.modules.replies import permissions as replies_points
from qiatan.modules.replies import realtime as replies_realtime
from qiatan.modules.replies.routes import router as replies_router
from qiatan.modules.routing import permissions as routing_points
from qiatan.modules.routing import realtime as routing_realtime
from qiatan.modules.routing.jobs import jobs as routing_jobs
from qiatan.modules.routing.routes import router as routing_router
from qiatan.modules.routing.subscribers import TIMERS as ROUTING_TIMERS
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
)

CATALOGUE: tuple[Point, ...] = (
    *accounts_points.POINTS,
    *files_points.POINTS,
    *customers_points.POINTS,
    *channels_points.POINTS,
    *conversations_points.POINTS,
    *routing_points.POINTS,
    *replies_points.POINTS,
)

JOBS: tuple[JobList, ...] = (
    accounts_jobs,
    files_jobs,
    pictures_jobs,
    customers_jobs,
    visitors_jobs,
    conversations_jobs,
    routing_jobs,
    push_jobs,
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
