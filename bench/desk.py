"""An agent at a full desk: a list of many conversations, a long one of them on the screen, and a browser to look at it with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
import psycopg
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from bench.server import Server
from bench.world import Person, make_world
from qiatan.infra.clock import new_id

OPEN = 1_000
LONG = 500
SHORT = 30
PATIENCE = 60_000
_WINDOW: ViewportSize = {"width": 1440, "height": 900}

_CUSTOMERS = """
INSERT INTO customers (enterprise_id, id, name, created_at, last_seen_at)
SELECT %(enterprise)s, gen_random_uuid(), 'Customer ' || n, now() - n * interval '1 minute', now() FROM generate_series(1, %(open)s) n
"""
# They are not due to end by themselves while somebody looks at them: a thousand ends would be measured with the page.
_CONVERSATIONS = """
INSERT INTO conversations
    (enterprise_id, id, customer_id, channel_id, status, assignee_id, agent_ids, head, version, last_seq, last_kind, last_sender_kind,
     last_preview, last_at, customer_read_seq, agent_read_seq, agent_unread, customer_unread, created_at, assigned_at,
     idle_due_at)
SELECT %(enterprise)s, gen_random_uuid(), c.id, %(channel)s, 'active', %(agent)s, ARRAY[%(agent)s::uuid], %(short)s, 2, %(short)s, 'text', 'customer',
       'When will it be sent?', now() - c.n * interval '20 seconds', %(short)s, %(short)s, 0, 0, now() - interval '1 day', now() - interval '1 day',
       now() + interval '1 day'
  FROM (SELECT id, row_number() OVER (ORDER BY created_at DESC) AS n FROM customers WHERE enterprise_id = %(enterprise)s AND name IS NOT NULL) c
"""
_MESSAGES = """
INSERT INTO messages (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text)
SELECT c.enterprise_id, c.id, n, 'text', CASE WHEN n %% 3 = 0 THEN 'agent' ELSE 'customer' END,
       CASE WHEN n %% 3 = 0 THEN %(agent)s ELSE c.customer_id END, gen_random_uuid(), c.created_at + n * interval '1 minute',
       'Line ' || n || ' of ' || c.id || ': ' || repeat('a kettle of stoneware, ', 1 + n %% 4)
  FROM conversations c, generate_series(1, c.head) n WHERE c.enterprise_id = %(enterprise)s AND c.last_kind = 'text'
"""
_PROBES = """(() => {
  const bench = (window.__bench = { arrived: new Map(), socket: null })
  bench.painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => done(performance.now())
    channel.port2.postMessage(0)
  }))
  bench.until = (holds) => new Promise((done) => {
    const look = () => holds() && (observer.disconnect(), done())
    const observer = new MutationObserver(look)
    observer.observe(document, { childList: true, subtree: true, characterData: true, attributes: true })
    look()
  })
  bench.says = (words) => document.querySelector('[role=log]')?.textContent.includes(words) ?? false
  const Native = window.WebSocket
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', ({ data }) => {
        const found = typeof data === 'string' ? /arrival-\\d+\\./.exec(data) : null
        if (found && !bench.arrived.has(found[0])) bench.arrived.set(found[0], performance.now())
      })
    }
  }
  bench.interactive = bench.until(() => document.querySelector('[data-conversation]') && document.querySelector('[role=log] .bub') && document.querySelector('textarea:enabled'))
    .then(bench.painted)
})()"""


@dataclass(frozen=True, slots=True)
class Desk:
    """An agent with a full list, and the visitor whose long conversation is on the screen."""

    server: Server
    agent: Person
    long: UUID
    visitor: Person


def make_desk(server: Server) -> Desk:
    world = asyncio.run(make_world(server.database_url(), agents=1, visitor_count=1))
    agent, visitor = world.agents[0], world.visitors[0]
    begun = say(server, visitor, "hello")
    long = UUID(begun["conversation_id"])
    values = {
        "enterprise": world.enterprise_id,
        "channel": world.channel_id,
        "agent": agent.id,
        "open": OPEN - 1,
        "short": SHORT,
        "long": long,
    }
    with psycopg.connect(server.database_url(), autocommit=True) as connection:
        connection.execute("DELETE FROM messages WHERE conversation_id = %(long)s", values)
        connection.execute(_CUSTOMERS, values)
        connection.execute(_CONVERSATIONS, values)
        shift = "UPDATE conversations SET head = %(head)s, last_seq = %(head)s, last_kind = 'text', created_at = now() - interval '1 day' WHERE id = %(long)s"
        connection.execute(shift, values | {"head": LONG})
        connection.execute(_MESSAGES, values)
        taken = "UPDATE conversations SET status = 'active', assignee_id = %(agent)s, agent_ids = ARRAY[%(agent)s::uuid], waiting_since = NULL, idle_due_at = now() + interval '1 day' WHERE id = %(long)s"
        connection.execute(taken, values)
        connection.execute("ANALYZE")
    return Desk(server, agent, long, visitor)


def say(server: Server, visitor: Person, text: str) -> dict[str, str]:
    body = {"client_message_id": str(new_id()), "kind": "text", "text": text}
    headers = {"Authorization": f"Bearer {visitor.token}"}
    answer = httpx.post(f"{server.address}/api/v1/widget/messages", json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    told: dict[str, str] = answer.json()
    return told


@contextmanager
def seat(browser: Browser, desk: Desk) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=_WINDOW, locale="zh-CN")
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "qiatan_session", "value": desk.agent.token, "url": desk.server.address, "httpOnly": True}])
    context.add_init_script(_PROBES)
    try:
        yield context
    finally:
        context.close()


def open_page(context: BrowserContext, desk: Desk, *, slowdown: float = 1) -> tuple[Page, dict[str, float], float]:
    """The page, the bytes of each of its files as they came over the line, and milliseconds until it could be worked with."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    sizes: dict[str, float] = {}
    files: dict[str, str] = {}
    session.on("Network.responseReceived", lambda event: files.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    session.send("Network.enable")
    if slowdown > 1:
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    page.goto(f"{desk.server.address}/app/conversations/{desk.long}")
    interactive = float(page.evaluate("window.__bench.interactive"))
    return page, {url: sizes[request] for request, url in files.items() if request in sizes and "/api/" not in url}, interactive


def middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def spread(times: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
