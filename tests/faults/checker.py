"""Compares what was acknowledged with what each side saw and with the database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from tests.faults.people import Client, Crowd, Seen


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


def above_maximum(url: str, enterprise_id: object) -> list[str]:
    """Agents who serve more than they may."""
    query = """
        SELECT agents.id, agents.max_conversations, count(*) FROM conversations
        JOIN agents ON agents.enterprise_id = conversations.enterprise_id AND agents.id = conversations.assignee_id
        WHERE conversations.enterprise_id = %s AND conversations.status = 'active'
        GROUP BY agents.id, agents.max_conversations HAVING count(*) > agents.max_conversations
    """
    with psycopg.connect(url, options="-c role=qiatan_system") as connection:
        rows = connection.execute(query, [enterprise_id])
        return [f"{agent_id} serves {count} and may serve {maximum}" for agent_id, maximum, count in rows]


Database = dict[str, dict[int, Seen]]


def judge(people: Crowd, database: Database, told_heads: dict[str, int]) -> Verdict:
    """Nothing acknowledged lost, nothing doubled, no gaps, the same on both sides."""
    return Verdict(
        lost=[line for client in people.everybody for line in _lost(client, database)],
        doubled=[*_stored_twice(database), *(line for client in people.everybody for line in _acknowledged_twice(client))],
        gaps=[*_holes(people, database, told_heads), *(line for client in people.everybody for line in _unseen(client, database))],
        different=[*_never_sent(people, database), *(line for client in people.everybody for line in _seen_otherwise(client, database))],
    )


def _lost(client: Client, database: Database) -> Iterator[str]:
    me = str(client.person.id)
    for client_id, sent in client.outbox.items():
        if sent.ack is not None:
            conversation_id, seq = sent.ack
            if database.get(conversation_id, {}).get(seq) != Seen(me, client_id, sent.text):
                yield f"{client_id}, acknowledged as {sent.ack}, is not there"


def _senders(database: Database) -> Counter[tuple[str, str]]:
    """How often each message of a person is stored."""
    everything = (seen for log in database.values() for seen in log.values())
    return Counter((seen.sender_id, seen.client_message_id) for seen in everything if seen.sender_id and seen.client_message_id)


def _stored_twice(database: Database) -> Iterator[str]:
    for key, count in _senders(database).items():
        if count > 1:
            yield f"{key} is stored {count} times"


def _acknowledged_twice(client: Client) -> Iterator[str]:
    for client_id, sent in client.outbox.items():
        if sent.conflict is not None:
            yield f"{client_id} was acknowledged as {sent.ack} and as {sent.conflict}"


def _unseen(client: Client, database: Database) -> Iterator[str]:
    """Whoever takes part has all of it: visitors their own conversations, agents those they serve."""
    for conversation_id in client.heads:
        have, there = len(client.log.get(conversation_id, ())), len(database.get(conversation_id, ()))
        if have != there:
            yield f"{client.person.id} has {have} of {there} in {conversation_id}"


def _holes(people: Crowd, database: Database, told_heads: dict[str, int]) -> Iterator[str]:
    for conversation_id, log in database.items():
        if sorted(log) != list(range(1, len(log) + 1)):
            yield f"{conversation_id} has seqs {sorted(log)}"
        if told_heads[conversation_id] != len(log):
            yield f"{conversation_id} has head {told_heads[conversation_id]} and {len(log)} messages"
        sides = sum(conversation_id in client.log for client in people.everybody)
        if sides < 2:
            yield f"{conversation_id} was seen by {sides} of its two sides"


def _never_sent(people: Crowd, database: Database) -> Iterator[str]:
    sent = {(str(client.person.id), client_id): sent for client in people.everybody for client_id, sent in client.outbox.items()}
    for key in _senders(database):
        if key not in sent:
            yield f"{key} was never sent"
        elif sent[key].refused is not None:
            yield f"{key} is stored, and its sender was told: {sent[key].refused}"


def _seen_otherwise(client: Client, database: Database) -> Iterator[str]:
    yield from client.conflicts
    for conversation_id, log in client.log.items():
        for seq, seen in log.items():
            there = database.get(conversation_id, {}).get(seq)
            if there != seen:
                yield f"{client.person.id} saw {seen} as {conversation_id} {seq}, the database has {there}"


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
