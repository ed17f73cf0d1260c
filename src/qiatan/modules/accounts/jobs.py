"""Background jobs of accounts."""

from __future__ import annotations

from datetime import timedelta

from qiatan.infra import answers, tries
from qiatan.infra.jobs import MAIL, JobList, in_batches
from qiatan.infra.resources import Resources
from qiatan.modules.accounts import repository

jobs = JobList("accounts")

# Logs of who signed in have to be kept for half a year at least (网络安全法, article 21); a year and a little can be compared with the year before.
LOGINS_KEPT = timedelta(days=400)

BATCH = 5_000

# Letters; `service.mailing` writes them. A mail server that keeps silent holds up letters and nothing else.
mail_invitation = jobs.promise("mail_invitation", queue=MAIL)
mail_reset = jobs.promise("mail_reset", queue=MAIL)
mail_asked_reset = jobs.promise("mail_asked_reset", queue=MAIL)


@jobs.job
async def delete_avatar(resources: Resources, *, blob: str) -> None:
    """Remove a picture that its owner replaced."""
    await resources.storage.delete(blob)


@jobs.periodic("41 3 * * *")
async def purge_expired(resources: Resources) -> None:
    """Forget expired sessions and links, and sign-ins of long ago."""
    async with resources.database.system() as tx:
        await repository.purge(tx)
        for enterprise_id in await repository.enterprise_ids(tx):
            await repository.forget_logins(tx, enterprise_id, before=tx.now - LOGINS_KEPT)


@jobs.periodic("29 * * * *")
async def purge_tries(resources: Resources) -> None:
    """Forget tries at passwords that count no more."""
    async with resources.database.system() as tx:
        await tries.purge(tx)


@jobs.periodic("37 * * * *")
async def purge_answers(resources: Resources) -> None:
    """Forget answers to calls that nobody repeats any more, hourly, a batch per transaction."""
    await in_batches(resources, lambda tx: answers.delete_old(tx, BATCH), batch=BATCH)
