"""HCI over TCP between the processes of the virtual air (H4 packets), and lines of JSON beside it."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

from bumble.core import BaseBumbleError
from bumble.transport.common import StreamPacketSink, StreamPacketSource

HOST = "127.0.0.1"
LINE_SECONDS = 5.0


class _Source(StreamPacketSource):
    """Packets from the hub."""

    def connection_lost(self, exc: Exception | None) -> None:
        lose(self.sink)


def lose(host: Any) -> None:
    """Tell a Bumble host that its controller is gone, also while a command of its has just been given up."""
    try:
        host.on_transport_lost()
    except asyncio.InvalidStateError:
        host.emit("flush")


async def connect_hci(port: int) -> tuple[asyncio.Transport, Any, Any]:
    """A controller of one's own on the hub's air: transport, source and sink."""
    transport, source = await asyncio.get_running_loop().create_connection(_Source, HOST, port)
    without_delay(transport)
    return transport, source, StreamPacketSink(transport)


def without_delay(transport: asyncio.BaseTransport) -> None:
    """Small packets at once."""
    handle = transport.get_extra_info("socket")
    if handle is not None:
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def calm() -> None:
    """A hub that ends takes Bumble's own unfinished work with it: nothing to be told of."""
    loop = asyncio.get_running_loop()

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), BaseBumbleError | ConnectionError):
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


class Line:
    """One client of the hub's administration: a question and its answer, a JSON object in a line each."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._one = asyncio.Lock()

    @classmethod
    async def to(cls, port: int) -> Line:
        """Connect."""
        async with asyncio.timeout(LINE_SECONDS):
            return cls(*await asyncio.open_connection(HOST, port))

    async def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Ask; raises ConnectionError when nobody is there, ValueError with what the hub does not like."""
        async with self._one, asyncio.timeout(LINE_SECONDS):
            self._writer.write(json.dumps({"command": command, **values}).encode() + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("the hub has gone")
        answer: dict[str, Any] = json.loads(line)
        if "problem" in answer:
            raise ValueError(answer["problem"])
        return answer

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
