"""Runs a dialogue against a sensor that is a few tables: what the radio would do, without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from imu_coach.drivers.base import Answer, Dialogue, Listen, Read, Refused, Step, Write

T = TypeVar("T")
Answers = list[tuple[int, bytes]]


@dataclass
class Table:
    """``reads`` by UUID; ``writes`` says what is notified after a write, as (channel, payload)."""

    reads: Mapping[str, bytes] = field(default_factory=dict)
    writes: Callable[[str, bytes], Answers] = lambda uuid, payload: []
    silent: frozenset[int] = frozenset()
    steps: list[Step] = field(default_factory=list)

    def written(self) -> list[bytes]:
        return [step.payload for step in self.steps if isinstance(step, Write)]

    def listened(self) -> list[int]:
        return [step.channel for step in self.steps if isinstance(step, Listen)]


def talk(dialogue: Dialogue[T], sensor: Table) -> T:
    """The dialogue's result; what it does not catch comes out."""
    heard: Answers = []
    answer: bytes | Exception | None = None
    while True:
        try:
            if isinstance(answer, Exception):
                step = dialogue.throw(answer)
            elif answer is None:
                step = next(dialogue)
            else:
                step = dialogue.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        sensor.steps.append(step)
        answer = b""
        if isinstance(step, Read):
            answer = sensor.reads.get(step.uuid, Refused(0x0A))
        elif isinstance(step, Write):
            heard = sensor.writes(step.uuid, step.payload)
        elif isinstance(step, Listen) and step.channel in sensor.silent:
            answer = Refused(0x0A)
        elif isinstance(step, Answer):
            fitting = [p for channel, p in heard if channel == step.channel and p.startswith(step.prefix)]
            answer = fitting[0] if fitting else TimeoutError()
