"""A copy of a stage's state, to come back to: what never changes is shared, what may change is copied."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from copy import copy
from typing import Any, TypeVar, cast

import numpy as np

T = TypeVar("T")

SHARED = (int, float, str, bytes, bool, type(None), np.generic)


def snapshot(value: T, shared: Collection[int] = ()) -> T:
    """A copy that does not change when the original does; objects whose ``id`` is in ``shared`` never change.

    What two parts of the state hold in common, their copies hold in common too.  A list is of one kind, plain or not;
    a deque or a set is plain.
    """
    return cast(T, _copied(value, shared, {}))


def _copied(value: Any, shared: Collection[int], done: dict[int, Any]) -> Any:
    if isinstance(value, SHARED) or id(value) in shared or _frozen(value):
        return value
    if id(value) not in done:
        done[id(value)] = _twin(value, shared, done)
    return done[id(value)]


def _twin(value: Any, shared: Collection[int], done: dict[int, Any]) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy() if value.flags.writeable else value
    if isinstance(value, dict):
        return {k: _copied(v, shared, done) for k, v in value.items()}
    if isinstance(value, list | deque | set):
        plain = not value or isinstance(next(iter(value)), SHARED) or isinstance(value, deque | set)
        return copy(value) if plain else [_copied(v, shared, done) for v in value]
    if isinstance(value, tuple):
        parts = [_copied(v, shared, done) for v in value]
        same = all(a is b for a, b in zip(parts, value, strict=True))
        return value if same else type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    twin = copy(value)
    slots: tuple[str, ...] = getattr(value, "__slots__", ())
    for name in (*slots, *getattr(value, "__dict__", ())):
        old = getattr(value, name)
        new = _copied(old, shared, done)
        if new is not old:
            setattr(twin, name, new)
    return twin


def _frozen(value: Any) -> bool:
    params = getattr(type(value), "__dataclass_params__", None)
    return (params is not None and params.frozen) or callable(value)
