"""Processes of the virtual air: started, spoken to by lines of JSON, and ended whatever happens.

A child reads its orders from its standard input and ends with it: when its parent dies, so does the child.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from imu_coach.errors import SourceError

START_SECONDS = 30.0
"""s that a child may need to be ready; a busy computer takes long to load Python."""
END_SECONDS = 5.0


class Child:
    """A process that this one has started."""

    def __init__(self, process: asyncio.subprocess.Process, module: str) -> None:
        self.process, self.module = process, module

    @classmethod
    async def start(cls, module: str, orders: dict[str, Any]) -> Child:
        """Run a module of this package; ``orders`` are the first line it reads."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=pipe, stdout=pipe, start_new_session=True
        )
        child = cls(process, module)
        child.send(**orders)
        return child

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def send(self, **orders: Any) -> None:
        """One more line."""
        stdin = self.process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(json.dumps(orders).encode() + b"\n")

    async def ready(self) -> dict[str, Any]:
        """The line in which it says that it is ready; raises SourceError when it does not come."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self.process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise SourceError(f"{self.module} did not start; its own message is above")
        said: dict[str, Any] = json.loads(line)
        return said

    async def kill(self) -> None:
        """At once and without a farewell, as a battery that is pulled."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self._gone()

    async def end(self) -> None:
        """Close its input, and wait; kill it when that does not help."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        await self._gone()

    async def _gone(self) -> None:
        async with asyncio.timeout(END_SECONDS):
            await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self.process.stdin.wait_closed()
        # what it said last, so that the pipe is closed, too
        if self.process.stdout is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self.process.stdout.read()


# --- in the child ---------------------------------------------------------------------------------------------------


def first_orders() -> dict[str, Any]:
    """The first line of the standard input.  From now on Ctrl-C is the parent's to deal with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(0)
    orders: dict[str, Any] = json.loads(line)
    return orders


def listen(heard: Callable[[dict[str, Any]], None], ended: Callable[[], None]) -> None:
    """Call ``heard`` in the loop for each further line, and ``ended`` at the end of the input."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            with contextlib.suppress(RuntimeError, ValueError):
                loop.call_soon_threadsafe(heard, json.loads(line))
        try:
            loop.call_soon_threadsafe(ended)
        except RuntimeError:
            os._exit(0)
        threading.Timer(END_SECONDS / 2, os._exit, (1,)).start()

    threading.Thread(target=read, daemon=True, name="orders").start()


def say(**what: Any) -> None:
    """One line to the parent."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
