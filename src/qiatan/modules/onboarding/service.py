"""Use cases of the first steps."""

from __future__ import annotations

from qiatan.infra.db import Database, Tx
from qiatan.infra.http_out import HttpOut, OutboundFailed, OutboundRefused
from qiatan.kit.access import AgentActor, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.permissions import EDIT_ENTERPRISE
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.permissions import VIEW
from qiatan.modules.conversations import service as conversations
from qiatan.modules.onboarding import rules
from qiatan.modules.onboarding.contracts import CheckSite, FirstStep, FirstStepState, Onboarding, SiteCheck, SiteProblem, SkipSteps
from qiatan.modules.onboarding.repository import OnboardingRepository
from qiatan.modules.visitors import service as visitors

MAX_PAGE_BYTES = 3 * 1024 * 1024
VISITS_LOOKED_AT = 200
_REFUSED = 400


async def see(tx: Tx, actor: AgentActor, *, public_url: str) -> Onboarding:
    """Where the enterprise stands. Raises NotAllowed without `enterprise.edit`."""
    require(actor, EDIT_ENTERPRISE)
    skipped, found = await OnboardingRepository(tx, actor.enterprise_id).get()
    known = await channels.every(tx)
    done = {
        # Its version counts what was saved: whoever saves the name they were given has looked at it.
        FirstStep.NAME: (await accounts.get_enterprise(tx)).version > 1,
        FirstStep.LOOK: any(channel.version > 1 for channel in known),
        FirstStep.SNIPPET: found or await _visited(tx, public_url),
        FirstStep.COLLEAGUES: await accounts.agent_count(tx) > 1,
        FirstStep.CONVERSATION: await conversations.answered_once(tx),
    }
    steps = [FirstStepState(step=step, done=done[step], skipped=step in skipped) for step in FirstStep]
    first = known[0] if known and actor.may(VIEW) else None
    return Onboarding(
        steps=steps,
        open=not all(state.done or state.skipped for state in steps),
        channel_id=first.id if first else None,
        snippet=channels.snippet(first, public_url) if first else None,
    )


async def skip(tx: Tx, actor: AgentActor, body: SkipSteps, *, public_url: str) -> Onboarding:
    """Leave steps out, for everybody of the enterprise and for good. Raises NotAllowed without `enterprise.edit`."""
    require(actor, EDIT_ENTERPRISE)
    await OnboardingRepository(tx, actor.enterprise_id).skip(set(body.steps))
    return await see(tx, actor, public_url=public_url)


async def check_site(database: Database, actor: AgentActor, body: CheckSite, *, http: HttpOut) -> SiteCheck:
    """Look at a page of the enterprise's site for the snippet of one of its channels. No transaction is held while the page is asked for.

    Raises:
        NotAllowed: the role lacks `enterprise.edit`.
        InvalidInput: names `url`.
    """
    require(actor, EDIT_ENTERPRISE)
    url = rules.site_address(body.url)
    async with database.tenant(actor.enterprise_id) as tx:
        keys = [channel.key for channel in await channels.every(tx)]
    try:
        answer = await http.request("GET", url, headers={"Accept": "text/html"}, max_bytes=MAX_PAGE_BYTES)
    except OutboundRefused:
        return SiteCheck(url=url, found=False, problem=SiteProblem.REFUSED, status=None)
    except OutboundFailed:
        return SiteCheck(url=url, found=False, problem=SiteProblem.UNREACHABLE, status=None)
    if answer.status >= _REFUSED:
        return SiteCheck(url=url, found=False, problem=SiteProblem.STATUS, status=answer.status)
    if not rules.has_snippet(answer.body, keys):
        return SiteCheck(url=url, found=False, problem=SiteProblem.MISSING, status=answer.status)
    async with database.tenant(actor.enterprise_id) as tx:
        await OnboardingRepository(tx, actor.enterprise_id).site_found(tx.now)
    return SiteCheck(url=url, found=True, problem=None, status=answer.status)


async def _visited(tx: Tx, public_url: str) -> bool:
    """Whether one of the newest visits came from a page of the enterprise's own."""
    return any(rules.elsewhere(page, public_url) for page in await visitors.newest_pages(tx, VISITS_LOOKED_AT))
