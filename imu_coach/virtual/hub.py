"""The process that is the air: a TCP connection is a controller on it, and lines of JSON make things go wrong.

Started by :mod:`imu_coach.virtual.world`; see :mod:`imu_coach.virtual.children` for how it is spoken to.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from bumble.transport.common import StreamPacketSource

from imu_coach.virtual import children
from imu_coach.virtual.air import Air, LinkProfile, Radio
from imu_coach.virtual.session import Session
from imu_coach.virtual.wire import HOST, without_delay

MOST_WAITING = 1 << 20
"""Bytes; a program that reads nothing for so long is hung up on."""
MOST_CONNECTIONS = 64
LONGEST_LINE = 4096


class _Port(StreamPacketSource):
    """One program's controller: HCI packets of the H4 transport."""

    def __init__(self, hub: Hub, kind: str) -> None:
        super().__init__()
        self.hub, self.kind = hub, kind
        self.transport: Any = None
        self.radio: Radio | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if len(self.hub.ports) >= MOST_CONNECTIONS or (self.kind == "adapter" and not self.hub.adapters):
            self.transport.abort()
            return
        without_delay(transport)
        self.hub.ports.add(self)
        self.radio = Radio(self.kind, self.hub.air, host_source=self, host_sink=self)

    def on_packet(self, packet: bytes) -> None:
        """A packet for the program."""
        if self.transport.get_write_buffer_size() > MOST_WAITING:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        self.hub.ports.discard(self)
        if self.radio is not None:
            self.hub.air.lost(self.radio)


class Hub:
    """The air, its ports, and the session clock."""

    def __init__(self, profile: LinkProfile, seed: int, lead: float) -> None:
        self.air = Air(profile, seed)
        self.session = Session(asyncio.get_running_loop().time, lead)
        self.ports: set[_Port] = set()
        self.adapters = True
        self._servers: list[asyncio.AbstractServer] = []
        self._commands: Mapping[str, Callable[..., dict[str, Any]]] = {
            "range": self._range,
            "link": self._link,
            "adapter": self._adapter,
            "begin": self._begin,
            "busy": self._busy,
            "status": self._status,
        }

    async def open(self) -> dict[str, int]:
        """Listen, on this computer only; the ports of programs, of sensors, and of administration."""
        loop = asyncio.get_running_loop()
        opened = {
            "radio": await loop.create_server(lambda: _Port(self, "adapter"), HOST, 0),
            "sensors": await loop.create_server(lambda: _Port(self, "sensor"), HOST, 0),
            "admin": await asyncio.start_server(self._serve, HOST, 0, limit=LONGEST_LINE),
        }
        self._servers = list(opened.values())
        return {name: server.sockets[0].getsockname()[1] for name, server in opened.items()}

    def close(self) -> None:
        """Hang up on everybody."""
        for server in self._servers:
            server.close()
        for port in list(self.ports):
            port.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client of the administration."""
        try:
            while line := await reader.readline():
                try:
                    order = json.loads(line)
                    answer = self._commands[order.pop("command")](**order)
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    answer = {"problem": f"{type(error).__name__}: {error}"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass  # it has gone, or sends a line without end, or we end
        finally:
            writer.close()

    # --- what can be asked --------------------------------------------------------------------------------------

    def _range(self, address: str, there: bool) -> dict[str, Any]:
        radio = self.air.radio_at(address)
        if radio is not None:
            self.air.set_in_range(radio, there)
        return {"found": radio is not None}

    def _link(self, address: str, changes: dict[str, Any]) -> dict[str, Any]:
        self.air.set_profile(replace(self.air.profile, **changes) if changes else None, address)
        return {}

    def _adapter(self, there: bool) -> dict[str, Any]:
        self.adapters = there
        for port in [p for p in self.ports if p.kind == "adapter" and not there]:
            port.transport.abort()
        return {}

    def _begin(self, address: str) -> dict[str, Any]:
        return {"epoch": self.session.begin(address)}

    def _busy(self, address: str, streaming: bool) -> dict[str, Any]:
        self.session.busy(address, streaming)
        return {}

    def _status(self) -> dict[str, Any]:
        air = {"stats": self.air.stats, "profile": asdict(self.air.profile)}
        return {"epoch": self.session.epoch, "cpu": time.process_time(), **air}


async def main(orders: dict[str, Any]) -> None:
    """Serve until the parent has no more to say."""
    hub, end = Hub(LinkProfile(**orders["profile"]), orders["seed"], orders["lead"]), asyncio.Event()
    ports = await hub.open()
    children.listen(lambda order: None, end.set)
    children.say(**ports)
    await end.wait()
    hub.close()
    shutil.rmtree(orders["folder"], ignore_errors=True)  # whose maker may have been killed


if __name__ == "__main__":
    asyncio.run(main(children.first_orders()))
