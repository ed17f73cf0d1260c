"""Doing the jobs that calls have left, as a worker of the product would."""

from __future__ import annotations

import procrastinate

from qiatan.infra.jobs import JobList, build_worker_app
from qiatan.infra.resources import Resources


def app_without_turns(url: str, job_lists: list[JobList], resources: Resources) -> procrastinate.App:
    """The worker's application without what is due by the clock: that is nobody's call, concerns whichever enterprise there is, and comes
    into one test of many when the minute turns."""
    app = build_worker_app(url, job_lists, resources)
    app.periodic_registry.periodic_tasks.clear()
    return app
