"""Array files: the BROAD benchmark as npz, mat or hdf5, and npz files laid out alike.

The benchmark keeps ``imu_acc`` (m/s2), ``imu_gyr`` (rad/s), ``opt_quat`` (w, x, y, z; earth from sensor), ``movement``
and ``sampling_rate`` (Hz) in every trial [1]_ [2]_.

References
----------
.. [1] D. Laidig et al., Data 6 (2021) 72, doi:10.3390/data6070072
.. [2] https://github.com/dlaidig/broad
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import scipy.io

from imu_coach.errors import ImportFileError
from imu_coach.importers import checks, mat
from imu_coach.importers.checks import Origin
from imu_coach.importers.columns import AccUnit, Columns, GyrUnit, Track
from imu_coach.importers.layout import LARGEST, size_of
from imu_coach.types import Bools, Floats

RATE: Final = ("fs", "sampling_rate")
TIME: Final = "t"
ACC: Final[dict[str, AccUnit]] = {"imu_acc": "m/s2", "acc": "m/s2", "acc_g": "g"}
GYR: Final[dict[str, GyrUnit]] = {"imu_gyr": "rad/s", "gyr": "rad/s", "gyr_rad_s": "rad/s", "gyr_deg_s": "deg/s"}
TRUTH: Final = ("opt_quat", "movement")
WANTED: Final = (*RATE, TIME, *ACC, *GYR, *TRUTH)

Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


class Truth(NamedTuple):
    """What the cameras saw: ``quat (n, 4)`` earth from sensor, NaN where they lost it; ``movement (n,)`` to score."""

    quat: Floats
    movement: Bools


def read(path: Path) -> Track:
    """One trial.

    Raises
    ------
    ImportFileError
        with the key and row, and what to do next
    """
    arrays = load(path)
    origin = Origin(path)
    acc_key, gyr_key = one_of(path, arrays, ACC), one_of(path, arrays, GYR)
    acc, gyr = triples(path, arrays, acc_key), triples(path, arrays, gyr_key)
    if len(acc) != len(gyr):
        raise ImportFileError(path, f"{len(acc)} rows of {acc_key}, {len(gyr)} of {gyr_key}; they must be as many")
    checks.enough(origin, len(acc))
    names = ("x", "y", "z")
    checks.finite(origin, acc, [f"{acc_key} {axis}" for axis in names])
    checks.finite(origin, gyr, [f"{gyr_key} {axis}" for axis in names])
    rate = next((key for key in RATE if key in arrays), None)
    raw = None
    if TIME in arrays:
        raw = reals(path, arrays, TIME).reshape(-1)
        if raw.size != len(acc):
            problem = f"{raw.size} time stamps for {len(acc)} rows; they must be as many"
            raise ImportFileError(path, problem, column=TIME)
        checks.finite(origin, raw[:, None], [TIME])
    elif rate is None:
        raise ImportFileError(path, f"neither {TIME} nor {' nor '.join(RATE)}; add the sampling rate in Hz")
    given = Columns(
        acc=names,
        gyr=("a", "b", "c"),
        acc_unit=ACC[acc_key],
        gyr_unit=GYR[gyr_key],
        time=TIME if raw is not None else None,
        rate=frequency(path, arrays, rate) if rate else None,
    )
    t = checks.clock(origin, raw, len(acc), given)
    return Track(
        t,
        checks.specific_force(origin, acc, ACC[acc_key], [acc_key]),
        checks.rate_of_turn(origin, gyr, GYR[gyr_key], [gyr_key]),
        f"arrays ({path.suffix.lstrip('.').lower()})",
    )


def read_truth(path: Path) -> Truth:
    """Orientation and scoring mask of a trial; raises :class:`~imu_coach.errors.ImportFileError` if it has none."""
    arrays = load(path)
    missing = [key for key in TRUTH if key not in arrays]
    if missing:
        raise ImportFileError(path, f"no {' and no '.join(missing)}: not a BROAD trial; there are: {', '.join(arrays)}")
    quat, movement = reals(path, arrays, "opt_quat"), reals(path, arrays, "movement").reshape(-1)
    if quat.ndim != 2 or quat.shape != (movement.size, 4):
        raise ImportFileError(path, f"opt_quat is {quat.shape}, movement {movement.shape}; (n, 4) and (n,) are needed")
    return Truth(quat, movement > 0)


def load(path: Path) -> Arrays:
    """The known arrays of a file, whatever its kind."""
    size_of(path)
    suffix = path.suffix.lower()
    if suffix not in LOADERS:
        raise ImportFileError(path, f"unknown ending {suffix!r}; known are {', '.join(LOADERS)}")
    try:
        return LOADERS[suffix](path)
    except ImportFileError:
        raise
    except Exception as error:  # whatever a library makes of a damaged or hostile file
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ImportFileError(path, f"not a readable {suffix} file ({said}); export or download it again") from error


def load_npz(path: Path) -> Arrays:
    """Known arrays of an npz; objects are never unpickled."""
    with zipfile.ZipFile(path) as archive:
        too_large(path, {name.removesuffix(".npy"): archive.getinfo(name).file_size for name in archive.namelist()})
    with np.load(path, allow_pickle=False) as file:
        keys = [key for key in file.files if key in WANTED]
        return {key: file[key] for key in keys} or nothing(path, file.files)


def load_mat(path: Path) -> Arrays:
    """Known arrays of a Matlab file up to version 7."""
    mat.check(path.read_bytes(), WANTED, LARGEST)
    sizes = {name: 8 * int(np.prod(shape, dtype=float)) for name, shape, _ in scipy.io.whosmat(path)}
    too_large(path, sizes)
    found = scipy.io.loadmat(path, variable_names=list(WANTED))
    return {key: found[key] for key in found if key in WANTED} or nothing(path, list(sizes))


def load_hdf5(path: Path) -> Arrays:
    """Known arrays of an HDF5 file."""
    try:
        import h5py
    except ImportError:
        raise ImportFileError(path, "HDF5 files need the extra: pip install 'imu-coach[hdf5]'") from None
    with h5py.File(path, "r") as file:
        sets = {key: file[key] for key in file if isinstance(file[key], h5py.Dataset)}
        too_large(path, {key: int(data.nbytes) for key, data in sets.items()})
        return {key: np.asarray(data[()]) for key, data in sets.items() if key in WANTED} or nothing(path, list(sets))


LOADERS: Final[dict[str, Callable[[Path], Arrays]]] = {
    ".npz": load_npz,
    ".mat": load_mat,
    ".hdf5": load_hdf5,
    ".h5": load_hdf5,
}
"""How to open a file, by its ending."""


def too_large(path: Path, sizes: Mapping[str, int]) -> None:
    """Refuse arrays that unpack to more than memory holds."""
    for key, size in sizes.items():
        if size > LARGEST:
            raise ImportFileError(path, f"larger than {LARGEST // 1024**3} GB when unpacked; split it", column=key)


def nothing(path: Path, keys: list[str]) -> Arrays:
    """Say what is there instead."""
    known = ", ".join(WANTED)
    raise ImportFileError(path, f"none of the arrays {known}; there are: {', '.join(keys[:40]) or 'none'}")


def one_of(path: Path, arrays: Arrays, known: Mapping[str, object]) -> str:
    """The one key of its kind."""
    keys = [key for key in known if key in arrays]
    if len(keys) != 1:
        found = f"both {' and '.join(keys)}" if keys else f"none of {', '.join(known)}"
        raise ImportFileError(path, f"{found}; one is needed; there are: {', '.join(arrays)}")
    return keys[0]


def reals(path: Path, arrays: Arrays, key: str) -> Floats:
    """An array of real numbers."""
    if arrays[key].dtype.kind not in "fiub":
        raise ImportFileError(path, f"{arrays[key].dtype} instead of numbers", column=key)
    return np.asarray(arrays[key], dtype=np.float64)


def triples(path: Path, arrays: Arrays, key: str) -> Floats:
    """An array of three axes."""
    values = reals(path, arrays, key)
    if values.ndim != 2 or values.shape[1] != 3:
        raise ImportFileError(path, f"the shape is {values.shape}; (n, 3) is needed", column=key)
    return values


def frequency(path: Path, arrays: Arrays, key: str) -> float:
    """The sampling rate in Hz."""
    value = reals(path, arrays, key).reshape(-1)
    if value.size != 1 or not np.isfinite(value[0]) or value[0] <= 0:
        raise ImportFileError(path, "not one positive rate in Hz", column=key)
    return float(value[0])
