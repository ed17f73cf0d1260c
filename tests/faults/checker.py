"""Compares what was acknowledged with what each side saw and with the database."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import psycopg

from tests.faults.people import Crowd, Seen


@dataclass(frozen=True)
class Verdict:
    """What the checker found wrong; all empty when nothing was lost, doubled, left out or told differently."""

    lost: list[str]
    doubled: list[str]
    gaps: list[str]
    different: list[str]

    def __bool__(self) -> bool:
        return not (self.lost or self.doubled or self.gaps or self.different)


def stored(url: str, enterprise_id: object) -> dict[str, dict[int, Seen]]:
    """All messages of the enterprise, by conversation and seq."""
    found: dict[str, dict[int, Seen]] = defaultdict(dict)
    with psycopg.connect(url, options="-c role=qiatan_system") as connection:
        rows = connection.execute(
            "SELECT conversation_id, seq, sender_id, client_message_id, text FROM messages WHERE enterprise_id = %s", [enterprise_id]
        )
        for conversation_id, seq, sender_id, client_id, text in rows:
            found[str(conversation_id)][seq] = Seen(_text(sender_id), _text(client_id), text)
    return dict(found)


def heads(url: str, enterprise_id: object) -> dict[str, int]:
    with psycopg.connect(url, options="-c role=qiatan_system") as connection:
        rows = connection.execute("SELECT id, head FROM conversations WHERE enterprise_id = %s", [enterprise_id])
        return {str(conversation_id): head for conversation_id, head in rows}


def anybody_waits(url: str, enterprise_id: object) -> bool:
    """Whether a conversation has no agent yet."""
    with psycopg.connect(url, options="-c role=qiatan_system") as connection:
        query = "SELECT 1 FROM conversations WHERE enterprise_id = %s AND status = 'waiting' LIMIT 1"
        return connection.execute(query, [enterprise_id]).fetchone() is not None


def judge(people: Crowd, database: dict[str, dict[int, Seen]], told_heads: dict[str, int]) -> Verdict:
    """Nothing acknowledged lost, nothing doubled, no gaps, the same on both sides."""
    lost, gaps, different = [], [], []
    ids = Counter((seen.sender_id, seen.client_message_id) for log in database.values() for seen in log.values() if seen.client_message_id)
    doubled = [f"{key} is stored {count} times" for key, count in ids.items() if count > 1]
    for client in people.everybody:
        me = str(client.person.id)
        for client_id, sent in client.outbox.items():
            if sent.conflict is not None:
                doubled.append(f"{client_id} was acknowledged as {sent.ack} and as {sent.conflict}")
            if sent.ack is None:
                continue
            conversation_id, seq = sent.ack
            if database.get(conversation_id, {}).get(seq) != Seen(me, client_id, sent.text):
                lost.append(f"{client_id}, acknowledged as {sent.ack}, is not there")
        different += client.conflicts
        for conversation_id, log in client.log.items():
            different += [
                f"{me} saw {seen} as {conversation_id} {seq}, the database has {database.get(conversation_id, {}).get(seq)}"
                for seq, seen in log.items()
                if database.get(conversation_id, {}).get(seq) != seen
            ]
        # Whoever takes part has all of it: the visitor the own conversations, the agent those they serve.
        for conversation_id in client.heads:
            if len(client.log.get(conversation_id, ())) != len(database.get(conversation_id, ())):
                gaps.append(f"{me} has {len(client.log.get(conversation_id, ()))} of {len(database.get(conversation_id, ()))} in {conversation_id}")
    sent_ids = {(str(client.person.id), client_id) for client in people.everybody for client_id in client.outbox}
    different += [f"{key} was never sent" for key in ids if key[0] is not None and key not in sent_ids]
    for conversation_id, log in database.items():
        if sorted(log) != list(range(1, len(log) + 1)):
            gaps.append(f"{conversation_id} has seqs {sorted(log)}")
        if told_heads[conversation_id] != len(log):
            gaps.append(f"{conversation_id} has head {told_heads[conversation_id]} and {len(log)} messages")
        sides = sum(conversation_id in client.log for client in people.everybody)
        if sides < 2:
            gaps.append(f"{conversation_id} was seen by {sides} of its two sides")
    return Verdict(lost, doubled, gaps, different)


def out_of_order(people: Crowd, database: dict[str, dict[int, Seen]]) -> list[str]:
    """Visitors who wait for each acknowledgement before they write on: theirs must be stored in the order they were written."""
    found = []
    for client in people.visitors:
        me = str(client.person.id)
        for conversation_id, log in database.items():
            texts = [int(log[seq].text or "0") for seq in sorted(log) if log[seq].sender_id == me]
            if texts != sorted(texts):
                found.append(f"{me} in {conversation_id}: {texts}")
    return found


def _text(value: object) -> str | None:
    return None if value is None else str(value)
