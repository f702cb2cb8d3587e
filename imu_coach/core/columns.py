"""A block of angles, filled column by column: each with the band of its basis and posture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imu_coach.settings import Bands, Estimate
from imu_coach.types import Angles, Bools, Codes, Floats, Ints, Source, Why

MEASURED, ESTIMATED = int(Source.MEASURED), int(Source.ESTIMATED)
SOURCE = {"measured": MEASURED, "nominal": MEASURED, "split": ESTIMATED, "anchored": ESTIMATED, "integrated": ESTIMATED}


class Numbers(NamedTuple):
    """Of one choice of bases: bands ``(4, k, 1)``, ``source, rough (k, 1)``; made from ``bands``."""

    bands: Bands
    band: Floats
    source: Codes
    rough: Bools


class Table:
    """The angles of frames with one situation."""

    def __init__(
        self, index: Ints, names: tuple[str, ...], bands: Bands, posture: str | None, known: dict[object, Numbers]
    ) -> None:
        self.index, self.names = index, names
        self.bands = bands
        self.known = known  # what was looked up so far
        self.posture = posture or "any"
        shape = len(names), len(index)
        self.value, self.why = np.empty(shape), np.empty(shape, np.uint8)
        self.basis: list[tuple[str, bool, bool] | None] = [None] * len(names)

    def estimate(self, name: str, basis: str) -> Estimate | None:
        """How this angle is estimated in this posture."""
        estimates = self.bands.estimate
        return estimates.get((name, basis, self.posture)) or estimates.get((name, basis, "any"))

    def put(self, name: str, value: Floats, why: Codes, basis: str, unsure: bool, rough: bool) -> None:
        """One column: values where ``why`` is 0, with the band of its basis and posture.

        ``rough``: what the filter says while it settles may serve to count.
        """
        if name not in self.names:
            return  # a sensor was moved to a place that nobody asked about
        i = self.names.index(name)
        self.value[i], self.why[i], self.basis[i] = value, why, (basis, unsure, rough)

    def _numbers(self) -> Numbers:
        key = self.names, self.posture, tuple(self.basis)
        numbers = self.known.get(key)
        if numbers is None or numbers.bands is not self.bands:
            numbers = self.known[key] = self._looked_up()
        return numbers

    def _looked_up(self) -> Numbers:
        k = len(self.names)
        out = Numbers(self.bands, np.zeros((4, k, 1)), np.zeros((k, 1), np.uint8), np.zeros((k, 1), np.bool_))
        for i, (name, chosen) in enumerate(zip(self.names, self.basis, strict=True)):
            if chosen is not None:
                basis, unsure, rough = chosen
                bands = self.bands.band
                band = bands.get((name, basis, self.posture)) or bands[name, basis, "any"]
                extra = self.bands.no_bias_capture.get(name, 0.0) if unsure else 0.0
                out.band[:, i, 0] = band.low - extra, band.low_slope, band.high + extra, band.high_slope
                out.source[i], out.rough[i] = SOURCE[basis], rough
        return out

    def angles(self) -> Angles:
        """The block, one row a frame; angles of sites without a sensor are not worn."""
        _, band, sources, may = self._numbers()
        for i, basis in enumerate(self.basis):
            if basis is None:
                self.value[i], self.why[i] = np.nan, Why.NOT_WORN
        value, rough, why = self.value, self.value, self.why
        source = np.empty(why.shape, np.uint8)
        source[:] = sources
        unknown = why != 0
        if np.count_nonzero(unknown):
            value = np.where(unknown, np.nan, value)
            source[unknown] = 0
            settling = may & (why == Why.SETTLING)
            rough = np.where(unknown & ~settling, np.nan, rough) if np.count_nonzero(settling) else value
        size = np.abs(value)
        low = band[1] * size
        low += band[0]
        low += value
        high = np.multiply(band[3], size, out=size)
        high += band[2]
        high += value
        return Angles(self.index, self.names, value.T, low.T, high.T, source.T, why.T, rough.T)
