"""What the message log is compared with: the usual way, one ORM session and one transaction per message.

It speaks as much of our wire as the generator needs, runs on a PostgreSQL of its own with the same settings, and does less than the product:
no identities, no rights, no sequence numbers, no counters.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from sqlalchemy import Text, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from qiatan.infra.postgres import EmbeddedPostgres

AGENTS = 20


class Base(DeclarativeBase):
    pass


class Message(Base):
    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_message_id: Mapped[UUID] = mapped_column(unique=True)
    conversation_id: Mapped[UUID] = mapped_column(index=True)
    sender_id: Mapped[UUID]
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)


class Send(BaseModel):
    """The one frame it understands."""

    type: str
    client_message_id: UUID
    kind: str
    text: str


def build(sessions: async_sessionmaker[AsyncSession]) -> FastAPI:
    app = FastAPI()
    agents: list[WebSocket] = []
    visitors = 0

    @app.websocket("/api/v1/socket")
    async def talk(client: WebSocket) -> None:
        nonlocal visitors
        await client.accept()
        hello = await client.receive_json()
        await client.receive_json()
        await client.send_json([{"type": "welcome"}])
        with suppress(WebSocketDisconnect):
            if "token" not in hello:
                agents.append(client)
                while True:
                    await client.receive_json()
            agent = agents[visitors % AGENTS]
            visitors += 1
            await _serve(client, agent, sessions)

    return app


async def _serve(client: WebSocket, agent: WebSocket, sessions: async_sessionmaker[AsyncSession]) -> None:
    conversation_id, sender_id = uuid4(), uuid4()
    while True:
        frame = await client.receive_json()
        if frame["type"] != "send":
            continue  # heartbeats
        send = Send.model_validate(frame)
        async with sessions() as session:
            message = Message(
                client_message_id=send.client_message_id,
                conversation_id=conversation_id,
                sender_id=sender_id,
                at=datetime.now(UTC).replace(tzinfo=None),
                text=send.text,
            )
            session.add(message)
            await session.commit()
            stored = message.id
        client_id = str(send.client_message_id)
        await client.send_json([{"type": "ack", "client_message_id": client_id, "seq": stored}])
        told = {
            "type": "message",
            "conversation_id": str(conversation_id),
            "seq": stored,
            "sender_kind": "customer",
            "client_message_id": client_id,
            "text": send.text,
        }
        await agent.send_json([told])


async def main() -> None:
    postgres = EmbeddedPostgres(Path(os.environ["DATA"]))
    url = await postgres.start()
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"), pool_size=30, max_overflow=0, pool_timeout=60, hide_parameters=True
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=2048)
        sessions = async_sessionmaker(engine, expire_on_commit=False)
        config = uvicorn.Config(
            build(sessions),
            loop="none",
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=2,
        )
        print("ready", listener.getsockname(), flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        await engine.dispose()
        await postgres.stop()


if __name__ == "__main__":
    uvloop.run(main())
