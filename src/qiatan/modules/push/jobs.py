"""Background jobs of push."""

from __future__ import annotations

from qiatan.infra.jobs import CALLS, JobList

jobs = JobList("push", queue=CALLS)

# `service.delivering` keeps it.
deliver = jobs.promise("deliver")
