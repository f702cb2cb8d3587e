"""What a key means in a live session, and the terminal that keys come from."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

Put = Callable[[str, Mapping[str, Any]], None]


class Key(NamedTuple):
    """A letter, a word that means the same in a script, and the command that it is; "" ends the session."""

    letter: str
    word: str
    command: str
    value: Mapping[str, Any]
    what: str


KEYS = (
    Key("t", "table", "calibrate", {"pose": "table_still", "seconds": 8.0}, "sensors lie still on the table"),
    Key("s", "stand", "calibrate", {"pose": "stand_tall", "seconds": 5.0}, "standing tall"),
    Key("c", "sit", "calibrate", {"pose": "sit_tall", "seconds": 5.0}, "sitting tall on the chair"),
    Key("g", "getup", "calibrate", {"pose": "sit_to_stand", "seconds": 8.0}, "one slow sit-to-stand"),
    Key("l", "lie", "calibrate", {"pose": "lie_prone", "seconds": 5.0}, "lying on the front"),
    Key(" ", "go", "tap", {"taps": 2}, "start, pause, go on"),
    Key("f", "finish", "finish", {}, "that was the set"),
    Key("n", "next", "next", {}, "next exercise"),
    Key("m", "moved", "moved", {}, "the sensor sits where it was asked for"),
    Key("u", "undo", "undo", {}, "one repetition less"),
    Key("a", "add", "add", {}, "one repetition more"),
    Key("p", "pain", "stop", {"reason": "pain"}, "stop: pain"),
    Key("q", "quit", "", {}, "end the session"),
)


HINT = "space start, pause  f set done  n next  u less  a more  m moved  p pain  q end"
"""Under the view; the others are in the help."""


LONGEST = 100
"""Characters of a word that are read at once."""


def pressed(text: str, put: Put, stop: asyncio.Event) -> None:
    """Act on a letter or a word; anything else is nothing."""
    for key in KEYS:
        if text in (key.letter, key.word):
            if key.command:
                put(key.command, key.value)
            else:
                stop.set()


async def listening(put: Put, stop: asyncio.Event) -> None:
    """Keys of a terminal, or words of a script line by line, until cancelled."""
    if sys.stdin is None or sys.stdin.closed:
        return
    loop = asyncio.get_running_loop()
    with _single_keys() as single:
        ended = threading.Event()

        def read() -> None:
            with suppress(RuntimeError, ValueError, OSError):  # the loop or the input may be closed at any moment
                while not ended.is_set():
                    text = single() if single is not None else sys.stdin.readline(LONGEST)
                    if not text:
                        return
                    loop.call_soon_threadsafe(pressed, text if single is not None else text.strip().lower(), put, stop)

        threading.Thread(target=read, daemon=True).start()  # a read cannot be cancelled; it ends with the program
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()


@contextmanager
def _single_keys() -> Iterator[Callable[[], str] | None]:
    """What reads one key without Enter; None where standard input is no terminal."""
    if not sys.stdin.isatty():
        yield None
        return
    if sys.platform == "win32":
        import msvcrt

        yield msvcrt.getwch
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield lambda: sys.stdin.read(1)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
