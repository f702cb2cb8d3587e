"""The firmware's own C core, compiled on first use and driven from Python: what is sent is what a sensor would send."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from ctypes import c_bool, c_char_p, c_int16, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import platformdirs

from imu_coach.errors import ImuCoachError
from imu_coach.virtual.core import ALL_FEATURES, UNKNOWN_BATTERY, store_size

SOURCES = Path(__file__).resolve().parents[2] / "firmware_stubs" / "core"
FLAGS = ("-std=c99", "-O2", "-shared", "-fPIC")
MAX_REPLY, SYNC_REPLY, INFO_SIZE, SAMPLE_BYTES = 12, 22, 20, 16

SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "imuc_sizeof": (c_size_t, ()),
    "imuc_init": (c_bool, (c_void_p, c_void_p, c_void_p, c_uint32)),
    "imuc_connected": (None, (c_void_p,)),
    "imuc_disconnected": (None, (c_void_p,)),
    "imuc_set_mtu": (None, (c_void_p, c_uint16)),
    "imuc_set_battery": (None, (c_void_p, c_uint8)),
    "imuc_tick": (None, (c_void_p, c_uint64)),
    "imuc_push": (None, (c_void_p, c_void_p, c_uint64)),
    "imuc_tap": (None, (c_void_p, c_uint8, c_uint64)),
    "imuc_peek": (c_size_t, (c_void_p, c_void_p)),
    "imuc_sent": (None, (c_void_p,)),
    "imuc_control": (c_size_t, (c_void_p, c_char_p, c_size_t, c_uint64, c_void_p)),
    "imuc_sync": (c_int32, (c_void_p, c_char_p, c_size_t, c_uint64, c_uint16)),
    "imuc_sync_reply": (c_size_t, (c_void_p, c_uint64, c_void_p)),
    "imuc_info": (None, (c_void_p, c_void_p)),
    "imuc_rate": (c_uint16, (c_void_p,)),
    "imuc_led": (c_bool, (c_void_p,)),
    "imuc_vibrate": (c_bool, (c_void_p,)),
    "imuc_taps_sizeof": (c_size_t, ()),
    "imuc_taps_init": (None, (c_void_p, c_uint16)),
    "imuc_taps_feed": (c_uint8, (c_void_p, c_void_p, c_uint64)),
}
"""Return and argument types of everything in imuc.h and taps.h."""


class FirmwareMissing(ImuCoachError):
    """The C core cannot be built here: no sources (installed from a wheel) or no compiler."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the firmware's C core cannot be used: {reason}; the Python one needs nothing")


class Config(ctypes.Structure):
    """``imuc_config_t``."""

    _fields_ = (
        ("serial", c_uint64),
        ("acc_range", c_uint16),
        ("gyr_range", c_uint16),
        ("max_rate", c_uint16),
        ("features", c_uint8),
    )


def build(sources: Path, folder: Path, compiler: str | None) -> Path:
    """The library of these C files; its name is a hash of them, so it is compiled once.  Raises FirmwareMissing."""
    files = sorted(sources.glob("*.[ch]"))
    if not files:
        raise FirmwareMissing("its sources are not here (they are in the repository, not in the installed package)")
    digest = sha256(
        b"\0".join([repr(FLAGS).encode(), *(part for f in files for part in (f.name.encode(), f.read_bytes()))])
    )
    library = folder / f"imuc-{digest.hexdigest()[:16]}.so"
    if library.exists():
        return library
    if compiler is None:
        raise FirmwareMissing("there is no C compiler (cc) here")
    try:
        _compile(compiler, [f for f in files if f.suffix == ".c"], library)
    except (OSError, subprocess.CalledProcessError) as error:
        raise FirmwareMissing(f"{compiler} gave an error ({error})") from error
    return library


def _compile(compiler: str, files: Sequence[Path], library: Path) -> None:
    """Under another name first: several processes may do this at once."""
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        subprocess.run([compiler, *FLAGS, *map(str, files), "-o", str(made)], check=True, capture_output=True)
        os.replace(made, library)


@cache
def load() -> ctypes.CDLL:
    """The library, compiled into the user's cache folder when need be.  Raises FirmwareMissing."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    path = build(SOURCES, Path(platformdirs.user_cache_dir("imu-coach")) / "firmware", compiler)
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Firmware:
    """See :class:`imu_coach.virtual.core.Core`, and :class:`imu_coach.virtual.core.Options` for how it is made."""

    def __init__(
        self,
        serial: int,
        *,
        acc_range: int = 16,
        gyr_range: int = 2000,
        max_rate: int = 208,
        features: int = ALL_FEATURES,
        store: int | None = None,
    ) -> None:
        capacity = store_size(max_rate, store)
        self._c: Any = load()
        self._memory = ctypes.create_string_buffer(self._c.imuc_sizeof())
        self._store = ctypes.create_string_buffer(SAMPLE_BYTES * capacity)
        self._out = ctypes.create_string_buffer(max(MAX_REPLY, SYNC_REPLY, INFO_SIZE))
        self._packet = c_void_p()
        self._sample = (c_int16 * 6)()
        self._s = ctypes.addressof(self._memory)
        self._battery = UNKNOWN_BATTERY
        config = Config(serial, acc_range, gyr_range, max_rate, features)
        assert self._c.imuc_init(self._s, ctypes.byref(config), self._store, capacity), "store_size has checked it"

    @property
    def battery(self) -> int:
        """Per cent, 255 unknown."""
        return self._battery

    @battery.setter
    def battery(self, per_cent: int) -> None:
        """Measured anew."""
        self._battery = per_cent
        self._c.imuc_set_battery(self._s, per_cent)

    def connected(self) -> None:
        self._c.imuc_connected(self._s)

    def disconnected(self) -> None:
        self._c.imuc_disconnected(self._s)

    def set_mtu(self, att_mtu: int) -> None:
        self._c.imuc_set_mtu(self._s, att_mtu)

    def push(self, counts: Sequence[int], t_us: int) -> None:
        self._sample[:] = list(counts)
        self._c.imuc_push(self._s, self._sample, t_us)

    def tap(self, taps: int, t_us: int) -> None:
        self._c.imuc_tap(self._s, taps, t_us)

    def peek(self) -> bytes | None:
        size = self._c.imuc_peek(self._s, ctypes.byref(self._packet))
        return ctypes.string_at(self._packet, size) if size else None

    def sent(self) -> None:
        self._c.imuc_sent(self._s)

    def control(self, payload: bytes, t_us: int) -> bytes:
        size = self._c.imuc_control(self._s, payload, len(payload), t_us, self._out)
        return self._out.raw[:size]

    def sync(self, payload: bytes, t_rx_us: int, random16: int) -> int | None:
        wait = int(self._c.imuc_sync(self._s, payload, len(payload), t_rx_us, random16))
        return wait if wait >= 0 else None

    def sync_reply(self, t_tx_us: int) -> bytes | None:
        size = self._c.imuc_sync_reply(self._s, t_tx_us, self._out)
        return self._out.raw[:size] or None

    def tick(self, t_us: int) -> None:
        self._c.imuc_tick(self._s, t_us)

    @property
    def info(self) -> bytes:
        self._c.imuc_info(self._s, self._out)
        return self._out.raw[:INFO_SIZE]

    @property
    def rate(self) -> int:
        return int(self._c.imuc_rate(self._s))

    @property
    def led(self) -> bool:
        return bool(self._c.imuc_led(self._s))

    @property
    def haptic(self) -> bool:
        return bool(self._c.imuc_vibrate(self._s))


class Taps:
    """The firmware's own tap detector; at least 100 Hz, ``counts_per_g`` as the sensor's full scale has it."""

    def __init__(self, counts_per_g: int = 2048) -> None:
        self._c: Any = load()
        self._memory = ctypes.create_string_buffer(self._c.imuc_taps_sizeof())
        self._s = ctypes.addressof(self._memory)
        self._acc = (c_int16 * 3)()
        self._c.imuc_taps_init(self._s, counts_per_g)

    def feed(self, counts: Sequence[int], t_us: int) -> int:
        """One sample (acc x y z come first): 2 or 3 once that many taps are over, else 0."""
        self._acc[:] = list(counts[:3])
        return int(self._c.imuc_taps_feed(self._s, self._acc, t_us))
