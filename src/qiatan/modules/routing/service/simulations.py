"""Simulations: traffic through the saved rules and through changed ones, compared before the change goes live.

A simulation is a job of the worker. What it starts from is read once, at its beginning; then it works in a thread, slice by slice, and
saves how far it is. A worker that dies is followed by another one, which starts anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from qiatan.infra.clock import new_id, worked
from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Routed
from qiatan.modules.customers import service as customers
from qiatan.modules.routing import jobs, permissions
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.contracts.decisions import (
    RecordedTraffic,
    Simulation,
    SimulationResult,
    Simulations,
    StartSimulation,
)
from qiatan.modules.routing.errors import SimulationRunning
from qiatan.modules.routing.models import SimulationRow
from qiatan.modules.routing.repository.simulations import SimulationHead, SimulationRepository
from qiatan.modules.routing.rules import Candidate, Case, CompiledAssignment, Surroundings, compile_assignment
from qiatan.modules.routing.rules.simulation import Arrival, compare, generated, quantile
from qiatan.modules.routing.service.case import case_of_visitor, read_wish
from qiatan.modules.routing.service.decisions import colleagues_in_reach
from qiatan.modules.routing.service.roster import candidates, surroundings
from qiatan.modules.routing.service.saving import require_sound
from qiatan.modules.routing.service.settings import load_assignment, load_queue
from qiatan.modules.visitors import service as visitors

log = structlog.get_logger(__name__)

KEPT = 10
MAX_RECORDED = 5_000
"""Conversations of recorded traffic, the newest ones."""
MODELS = 500
"""Visitors that generated traffic is drawn from: those of the last conversations."""
MODELS_FROM = timedelta(days=30)
USUAL_SECONDS = 480.0
"""How long an agent has a conversation, where nothing is known of it."""
DEAD_AFTER = timedelta(hours=1)
SLICE_SECONDS = 0.02
STEP_PERCENT = 3


async def start_simulation(tx: Tx, actor: AgentActor, command: StartSimulation) -> Simulation:
    """Begin a simulation; a worker takes it up at once.

    Raises:
        NotAllowed
        InvalidInput: the settings could not be saved either.
        SimulationRunning: one of the enterprise is at work.
    """
    require(actor, permissions.EDIT)
    await require_sound(tx, command.settings)
    repository = SimulationRepository(tx, actor.enterprise_id)
    await repository.give_up(tx.now - DEAD_AFTER)
    simulation_id = new_id()
    made_by = await accounts.answering_agent(tx, actor)
    if not await repository.add(id=simulation_id, made_by=made_by, made_at=tx.now, request=command.model_dump(mode="json")):
        raise SimulationRunning
    await repository.keep_newest(KEPT)
    await tx.defer(jobs.run_simulation, enterprise_id=str(actor.enterprise_id), simulation_id=str(simulation_id))
    return _shown(await _get(repository, simulation_id))


async def see_simulation(tx: Tx, actor: AgentActor, simulation_id: UUID) -> Simulation:
    """One simulation, with how far it is. Raises NotAllowed, NotFound."""
    require(actor, permissions.VIEW)
    row = await _get(SimulationRepository(tx, actor.enterprise_id), simulation_id)
    return _within(_shown(row), await colleagues_in_reach(tx, actor))


async def list_simulations(tx: Tx, actor: AgentActor) -> Simulations:
    """The newest ten, without what came out of them: that is read one by one."""
    require(actor, permissions.VIEW)
    return Simulations(items=[_shown(row) for row in await SimulationRepository(tx, actor.enterprise_id).newest(KEPT)])


async def _get(repository: SimulationRepository, simulation_id: UUID) -> SimulationRow:
    row = await repository.get(simulation_id)
    if row is None:
        raise NotFound
    return row


def _shown(row: SimulationRow | SimulationHead) -> Simulation:
    return Simulation.model_validate(
        {
            "id": row.id,
            "made_by": row.made_by,
            "made_at": row.made_at,
            "state": row.state,
            "progress": row.progress,
            "traffic": row.request["traffic"],
            "result": row.result if isinstance(row, SimulationRow) else None,
        }
    )


def _within(found: Simulation, reach: frozenset[UUID] | None) -> Simulation:
    """Without the lines of agents whom the reader's scope does not reach (F24); the sums stay."""
    if reach is None or found.result is None:
        return found
    runs = {name: getattr(found.result, name) for name in ("before", "after")}
    shown = {name: run.model_copy(update={"agents": [one for one in run.agents if one.agent_id in reach]}) for name, run in runs.items()}
    return found.model_copy(update={"result": found.result.model_copy(update=shown)})


# -- the work


@dataclass(frozen=True, slots=True)
class _Inputs:
    before: CompiledAssignment
    after: CompiledAssignment
    agents: Sequence[Candidate]
    traffic: Sequence[Arrival]
    around: Surroundings
    queue_limit: int


@jobs.run_simulation.kept_by
async def _run(resources: Resources, *, enterprise_id: str, simulation_id: str) -> None:
    enterprise, simulation = UUID(enterprise_id), UUID(simulation_id)
    try:
        async with resources.database.tenant(enterprise) as tx:
            inputs = await _begin(tx, simulation)
        if inputs is None:
            return
        result = await _compare(resources, enterprise, simulation, inputs)
        async with resources.database.tenant(enterprise) as tx:
            written = result.model_dump(mode="json")
            await SimulationRepository(tx, enterprise).write(simulation, state="done", progress=100, result=written)
    except Exception as error:
        # Trying again would fail again; the page says that it failed, and the log why.
        log.exception("routing.simulation_failed", simulation_id=simulation_id, error=str(error))
        async with resources.database.tenant(enterprise) as tx:
            await SimulationRepository(tx, enterprise).write(simulation, state="failed")


async def _compare(resources: Resources, enterprise: UUID, simulation: UUID, inputs: _Inputs) -> SimulationResult:
    work = compare(inputs.before, inputs.after, inputs.agents, inputs.traffic, inputs.around, queue_limit=inputs.queue_limit)
    told = 0
    while True:
        progress, result = await asyncio.to_thread(_slice, work)
        if result is not None:
            return result
        if progress >= told + STEP_PERCENT:
            told = progress
            async with resources.database.tenant(enterprise) as tx:
                await SimulationRepository(tx, enterprise).write(simulation, progress=min(progress, 99))
        # What else this process has to do comes first.
        await asyncio.sleep(0)


def _slice(work: Generator[int, None, SimulationResult]) -> tuple[int, SimulationResult | None]:
    """Go on for a moment; returns how far it is, and the result at the end."""
    until, progress = time.monotonic() + SLICE_SECONDS, 0
    while True:
        try:
            progress = next(work)
        except StopIteration as done:
            return 100, done.value
        if time.monotonic() >= until:
            return progress, None


async def _begin(tx: Tx, simulation_id: UUID) -> _Inputs | None:
    """Everything the work needs; None when it is done already."""
    repository = SimulationRepository(tx, tx.enterprise_id)
    row = await repository.get(simulation_id, lock=True)
    if row is None or row.state not in ("queued", "running"):
        return None
    await repository.write(simulation_id, state="running", progress=0)
    command = StartSimulation.model_validate(row.request)
    saved, before = await load_assignment(tx)
    everybody = [_there(one) for one in await candidates(tx, saved)]
    zone = ZoneInfo((await accounts.get_enterprise(tx)).timezone)
    agents: Sequence[Candidate] = everybody
    if isinstance(command.traffic, RecordedTraffic):
        traffic, served = await _recorded(tx, tx.now - timedelta(days=command.traffic.days), MAX_RECORDED, zone)
        # Who served nobody in all that time was hardly there.
        agents = [one for one in everybody if one.agent_id in served] or everybody
    else:
        models, _ = await _recorded(tx, tx.now - MODELS_FROM, MODELS, zone)
        cases = [arrival.case for arrival in models] or [_nobody_known(tx.now.astimezone(zone))]
        traffic = generated(command.traffic, cases, begins=tx.now.astimezone(zone))
    around = replace(await surroundings(tx, saved), open_now=True, closed_groups=frozenset(), pointers={})
    after = await asyncio.to_thread(compile_assignment, command.settings, worked)
    return _Inputs(before, after, agents, traffic, around, (await load_queue(tx)).limit)


def _there(one: Candidate) -> Candidate:
    return replace(one, status=PresenceStatus.ONLINE, connected=True)


async def _recorded(tx: Tx, since: datetime, limit: int, zone: ZoneInfo) -> tuple[list[Arrival], set[UUID]]:
    """The conversations since then as traffic, oldest first, and who served in them.

    Of each visitor is taken what is known of them now; who served them last is followed through the traffic itself.
    """
    found = sorted(await conversations.recorded(tx, since=since, limit=limit), key=lambda one: (one[0].created_at, one[0].id))
    ids = {routed.customer_id for routed, _ in found}
    visits, people = await visitors.latest_visits(tx, ids), await customers.get_all(tx, ids)
    wishes = await SimulationRepository(tx, tx.enterprise_id).wishes([routed.id for routed, _ in found])
    lengths = [seconds for routed, ended in found if (seconds := _seconds(routed, ended)) is not None]
    usual = quantile(sorted(lengths), 0.5) or USUAL_SECONDS
    arrivals: list[Arrival] = []
    last: dict[UUID, UUID] = {}
    for routed, ended in found:
        case = case_of_visitor(routed, visits.get(routed.customer_id), people[routed.customer_id], routed.created_at.astimezone(zone))
        case = replace(case, wish=read_wish(wishes.get(routed.id)), last_agent_id=last.get(routed.customer_id))
        seconds = _seconds(routed, ended)
        arrivals.append(Arrival(case.now, case, usual if seconds is None else seconds))
        if routed.assignee_id is not None:
            last[routed.customer_id] = routed.assignee_id
    return arrivals, {routed.assignee_id for routed, _ in found if routed.assignee_id is not None}


def _seconds(routed: Routed, ended_at: datetime | None) -> float | None:
    """How long agents had it; None while that is not known."""
    if ended_at is None or routed.assigned_at is None:
        return None
    return max(1.0, (ended_at - routed.assigned_at).total_seconds())


def _nobody_known(now: datetime) -> Case:
    return Case(
        landing_page=None,
        current_page=None,
        region=None,
        search_engine=None,
        search_keyword=None,
        channel_id=None,
        device=None,
        language=None,
        tags=frozenset(),
        metadata={},
        now=now,
    )
