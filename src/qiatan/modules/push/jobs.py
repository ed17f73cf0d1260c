"""Background jobs of push."""

from __future__ import annotations

from qiatan.infra.jobs import JobList

jobs = JobList("push")

# `service.delivering` keeps it.
deliver = jobs.promise("deliver")
