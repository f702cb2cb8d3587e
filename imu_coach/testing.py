"""For tests of this package and of what others build on it: cut an input log any way, and compare bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import TypeVar

import numpy as np

from imu_coach.core.pipeline import Pipeline
from imu_coach.settings import Setup
from imu_coach.types import Header, Input, Update, concat

T = TypeVar("T")


def partition(items: Sequence[T], cuts: Iterable[int]) -> list[Sequence[T]]:
    """``items`` cut before each of the positions ``cuts``; a repeated position gives an empty chunk."""
    edges = [0, *sorted(min(max(c, 0), len(items)) for c in cuts), len(items)]
    return [items[a:b] for a, b in pairwise(edges)]


def run(header: Header, setup: Setup, chunks: Iterable[Sequence[Input]], flush: bool = True) -> Update:
    """One pipeline over these chunks."""
    pipeline = Pipeline(header, setup)
    updates = [pipeline.push([]), *(pipeline.push(chunk) for chunk in chunks)]
    return concat([*updates, pipeline.flush()] if flush else updates)


def assert_identical(a: Update, b: Update) -> None:
    """Every array bit for bit (NaN equals NaN), every event, every counter."""
    for part in ("frames", "angles"):
        left, right = getattr(a, part), getattr(b, part)
        for f in fields(left):
            x, y = getattr(left, f.name), getattr(right, f.name)
            if isinstance(x, np.ndarray):
                assert x.shape == y.shape, f"{part}.{f.name}: {x.shape} against {y.shape}"
                assert x.dtype == y.dtype, f"{part}.{f.name}: {x.dtype} against {y.dtype}"
                where = np.flatnonzero((x != y) & ~((x != x) & (y != y)))
                assert not len(where), f"{part}.{f.name} differs in {len(where)} of {x.size} values"
            else:
                assert x == y, f"{part}.{f.name}"
    assert a.trace.shape == b.trace.shape
    assert ((a.trace == b.trace) | ((a.trace != a.trace) & (b.trace != b.trace))).all(), "trace differs"
    assert a.events == b.events
    assert a.health == b.health
