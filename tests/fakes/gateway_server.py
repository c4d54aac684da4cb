"""A stand-in for the execution gateway on a real loopback socket: answers as it is told."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket

METHODS = ["GET", "POST", "DELETE"]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class GatewayServer:
    """`answers` maps "METHOD path" to replies, taken in turn (the last one stays)."""

    answers: dict[str, deque[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    frames: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    upgrades: list[Asked] = field(default_factory=list)
    port: int = 0
    _server: uvicorn.Server | None = None
    _task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reply(self, key: str, *replies: tuple[int, Any]) -> None:
        self.answers[key] = deque(replies)

    async def start(self) -> None:
        """Listen; on the same port again after `stop`."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app(),
            log_config=None,
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await self._task
        self._server = self._task = None

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_websocket_route("/{path:path}", self._socket)
        app.add_api_route("/{path:path}", self._answer, methods=METHODS)
        return app

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.asked.append(Asked(request.method, target, dict(request.headers), body))
        replies = self.answers[f"{request.method} {request.url.path}"]
        status, content = replies.popleft() if len(replies) > 1 else replies[0]
        raw = content if isinstance(content, bytes) else orjson.dumps(content)
        return Response(raw, status_code=status, media_type="application/json")

    async def _socket(self, socket: WebSocket) -> None:
        target = socket.url.path + (f"?{socket.url.query}" if socket.url.query else "")
        self.upgrades.append(Asked("GET", target, dict(socket.headers), b""))
        await socket.accept()
        for frame in self.frames.get(socket.url.path, []):
            await socket.send_bytes(orjson.dumps(frame))
        while True:
            if (await socket.receive())["type"] == "websocket.disconnect":
                return
