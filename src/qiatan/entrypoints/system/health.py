"""Putting together what the health page shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

import qiatan
from qiatan.entrypoints.system import rules
from qiatan.entrypoints.system.contracts import HealthLine, HealthNode, LineName, SystemHealth
from qiatan.entrypoints.system.numbers import Numbers, NumbersKeeper
from qiatan.infra.backup.records import last_backups, last_good_backup
from qiatan.infra.db import Tx
from qiatan.infra.nodes import DEAD_AFTER, NodeRow, all_nodes
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import service as accounts

# Of replication a role without pg_monitor sees how many there are and not how far behind, which then is told as unknown.
_SERVER = text(
    """
    SELECT current_setting('server_version') AS version,
           CAST(current_setting('max_connections') AS int) AS most,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL) AS connections,
           (SELECT count(*) FROM pg_stat_replication) AS replicas,
           (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication) AS replica_lag
    """
)


async def see_health(resources: Resources, numbers: NumbersKeeper, actor: AgentActor) -> SystemHealth:
    """Everything that is looked at, judged. Who does not run the installation sees the levels only.

    Raises:
        DatabaseUnavailable
    """
    kept = await numbers.get()
    async with resources.database.system() as tx:
        operator = actor.enterprise_id == await _operator(tx)
        asked = time.perf_counter()
        server = dict((await tx.session.execute(_SERVER)).mappings().one())
        server["milliseconds"] = round((time.perf_counter() - asked) * 1000, 1)
        nodes = await all_nodes(tx)
        living = [row for row in nodes if row.seen_at > tx.now - DEAD_AFTER]
        lines = [
            _nodes(nodes, living),
            _database(server, kept),
            _disk(living),
            _mail(resources, living),
            await _backups(tx, resources),
            _bus(resources, living),
            _timers(living),
            _jobs(kept),
        ]
        now = tx.now
    return SystemHealth(
        at=now,
        version=qiatan.__version__,
        operator=operator,
        level=rules.worst(line.level for line in lines),
        lines=lines if operator else [line.model_copy(update={"facts": {}}) for line in lines],
        nodes=[_node(row, now) for row in nodes] if operator else [],
    )


async def is_operator(tx: Tx, actor: AgentActor) -> bool:
    """Whether the actor's enterprise runs the installation. In a system transaction."""
    return actor.enterprise_id == await _operator(tx)


async def _operator(tx: Tx) -> object:
    """Whoever installs it makes the first enterprise (decision 0026)."""
    return next(iter(await accounts.enterprise_ids(tx)), None)


def _line(name: LineName, judged: rules.Judged, **facts: Any) -> HealthLine:
    level, state = judged
    return HealthLine(name=name, level=level, state=state, facts=facts)


def _said(rows: Sequence[NodeRow], key: str) -> list[Any]:
    return [row.health[key] for row in rows if row.health is not None and row.health.get(key) is not None]


def _nodes(nodes: Sequence[NodeRow], living: Sequence[NodeRow]) -> HealthLine:
    dead, versions = len(nodes) - len(living), len({row.version for row in living})
    judged = rules.judge_nodes(living=len(living), dead=dead, versions=versions)
    return _line("nodes", judged, living=len(living), dead=dead, versions=versions)


def _database(server: dict[str, Any], kept: Numbers) -> HealthLine:
    lag = float(server["replica_lag"]) if server["replica_lag"] is not None else None
    judged = rules.judge_database(
        milliseconds=server["milliseconds"], connections=server["connections"], most=server["most"], replica_lag=lag
    )
    return _line(
        "database",
        judged,
        version=server["version"].partition(" ")[0],
        milliseconds=server["milliseconds"],
        bytes=kept.bytes,
        connections=server["connections"],
        most=server["most"],
        replicas=server["replicas"],
        replica_lag=lag,
    )


def _disk(living: Sequence[NodeRow]) -> HealthLine:
    """The machine with the least space."""
    tight = min((row for row in living if row.health), key=lambda row: (row.health or {}).get("disk_free", 0), default=None)
    said = tight.health or {} if tight is not None else {}
    free = said.get("disk_free")
    return _line("disk", rules.judge_disk(free), free=free, total=said.get("disk_total"), machine=tight.machine if tight else None)


def _moment(texts: Sequence[str]) -> datetime | None:
    return max((datetime.fromisoformat(one) for one in texts), default=None)


def _mail(resources: Resources, living: Sequence[NodeRow]) -> HealthLine:
    sent, failed = _moment(_said(living, "mail_sent_at")), _moment(_said(living, "mail_failed_at"))
    configured = resources.mailer.configured
    judged = rules.judge_mail(configured=configured, sent_at=sent, failed_at=failed)
    return _line("mail", judged, configured=configured, sent_at=_iso(sent), failed_at=_iso(failed))


async def _backups(tx: Tx, resources: Resources) -> HealthLine:
    latest = await last_backups(tx)
    newest = next((one for one in latest if one.ok is not None), None)
    good = await last_good_backup(tx)
    turns = [one.due_at for one in latest if one.due_at is not None]
    scheduled = rules.has_schedule(now=tx.now, own=resources.settings.backup_at is not None, turns=turns)
    failed = newest is not None and newest.ok is False
    judged = rules.judge_backups(now=tx.now, scheduled=scheduled, good_at=good.started_at if good else None, failed=failed)
    return _line(
        "backups",
        judged,
        scheduled=scheduled,
        good_at=_iso(good.started_at if good else None),
        size=good.size if good else None,
        failed_at=_iso(newest.started_at) if newest is not None and failed else None,
    )


def _bus(resources: Resources, living: Sequence[NodeRow]) -> HealthLine:
    used = not resources.bus.alone
    connected = sum(bool(one) for one in _said(living, "bus"))
    judged = rules.judge_bus(used=used, connected=connected, nodes=len(_said(living, "bus")))
    return _line("bus", judged, connected=connected, dropped=sum(_said(living, "bus_dropped")))


def _timers(living: Sequence[NodeRow]) -> HealthLine:
    overdue = max(_said(living, "overdue"), default=0.0)
    return _line("timers", rules.judge_timers(overdue), overdue=overdue)


def _jobs(kept: Numbers) -> HealthLine:
    judged = rules.judge_jobs(waiting=kept.jobs_waiting, failed=kept.jobs_failed)
    return _line("jobs", judged, waiting=kept.jobs_waiting, later=kept.jobs_later, running=kept.jobs_running, failed=kept.jobs_failed)


def _node(row: NodeRow, now: datetime) -> HealthNode:
    said = row.health or {}
    alive = row.seen_at > now - DEAD_AFTER
    return HealthNode(
        machine=row.machine.partition("/")[0],
        name=row.name,
        version=row.version,
        started_at=row.started_at,
        seen_at=row.seen_at,
        alive=alive,
        draining=row.draining,
        cpu=said.get("cpu"),
        memory=said.get("memory"),
        agents=said.get("agents"),
        visitors=said.get("visitors"),
        lag=said.get("lag"),
        level=rules.judge_node(alive=alive, lag=said.get("lag")),
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
