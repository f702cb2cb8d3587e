"""The process that is one sensor: a peripheral whose radio is the hub's.

Started by :mod:`imu_coach.virtual.world`; see :mod:`imu_coach.virtual.children` for how it is spoken to.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from imu_coach.errors import SourceError
from imu_coach.virtual import children
from imu_coach.virtual.core import Options
from imu_coach.virtual.firmware import Firmware
from imu_coach.virtual.motion import load
from imu_coach.virtual.packetiser import Packetiser
from imu_coach.virtual.part import Part
from imu_coach.virtual.peripheral import Peripheral
from imu_coach.virtual.wire import Line, calm, connect_hci

CORES: dict[str, Options] = {"Firmware": Firmware, "Packetiser": Packetiser}
HUB_GONE = 3
"""Exit code."""


async def main(orders: dict[str, Any]) -> int:
    """Be a sensor until the parent has no more to say, or the air is gone."""
    calm()
    line = await Line.to(orders["admin"])
    address, part, end = orders["address"], Part(*orders["part"]), asyncio.Event()
    gone = asyncio.Event()
    told: set[asyncio.Task[None]] = set()

    async def begin() -> float:
        return float((await line.ask("begin", address=address))["epoch"])

    async def tell(streaming: bool) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            await line.ask("busy", address=address, streaming=streaming)

    def busy(streaming: bool) -> None:
        task = asyncio.ensure_future(tell(streaming))
        told.add(task)
        task.add_done_callback(told.discard)

    sensor = Peripheral(
        CORES[orders["core"]],
        part,
        address,
        load(Path(orders["motion"]), orders["site"]),
        begin,
        busy=busy,
        booted_before=orders["booted_before"],
    )

    def ordered(order: dict[str, Any]) -> None:
        if "skew" in order:
            sensor.skew(float(order["skew"]))

    transport, source, sink = await connect_hci(orders["port"])
    try:
        await sensor.start(source, sink)
        assert sensor.device is not None
        sensor.device.once("flush", gone.set)
        children.listen(ordered, end.set)
        children.say(ready=orders["site"], clock=sensor.clock.set)
        ways = [asyncio.ensure_future(way.wait()) for way in (end, gone)]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
    finally:
        await sensor.stop()
        transport.abort()
        line.close()
    return HUB_GONE if gone.is_set() and not end.is_set() else 0


if __name__ == "__main__":
    try:
        raise SystemExit(asyncio.run(main(children.first_orders())))
    except (OSError, TimeoutError, SourceError) as problem:
        raise SystemExit(f"imu-coach virtual sensor: {problem}") from None
