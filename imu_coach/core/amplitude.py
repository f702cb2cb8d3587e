"""How large a person's repetitions are, learned from them, and which ones are therefore counted.

The first guess is what the exercise expects, and may be wrong by half or double.  So the first repetition is believed
almost entirely, later ones less, and partials that are alike overrule the guess.
"""

from __future__ import annotations

from imu_coach.core.rep import Rep, RepSpec

UNSURE, SURE = 0.6, 0.65
"""Of the amplitude, what a repetition must reach: by the first guess, and once learned."""
USUAL, LESS, SPREAD = 0.6, 0.1, 0.2
"""Of the usual time near the top, at which just that is asked; up to so much less (more) of the amplitude where the
time is longer (shorter) by the spread: who is tired does not go as far, but takes as long; who breaks off is soon
back."""
NEARLY = 0.85
"""Of the minimum: breathing and the filter take a little away."""
TOLD = 0.25
"""Of the amplitude: smaller ones are not told at all."""
FIRST, LATER = 0.9, 0.3
"""Share of the first repetition in what is learned, and of every later one at least."""
YOUNG = 2
"""Repetitions before which two alike partials are enough to be promoted; three afterwards."""
BROKEN = 0.75
"""Of the usual time near the top: two partials that are shorter say nothing of the amplitude."""
ALIKE = 1.35
"""Largest over smallest of partials that are promoted together."""


class Amplitude:
    """A person's amplitude in one exercise; ``known`` as learned before, or None."""

    def __init__(self, spec: RepSpec, known: float | None) -> None:
        self.spec = spec
        self.value = spec.expected if known is None else max(known, 0.8 * spec.minimum)
        self.guessed = known is None
        self.counted = 0
        self.seconds = 0.0  # usual time near the top; 0 when not known
        self.pending: list[tuple[Rep, float, float]] = []  # partials since the last one counted, sizes and times

    @property
    def need(self) -> float:
        """What a repetition must reach."""
        share = UNSURE if self.guessed and not self.counted else SURE
        return max(share * self.value, NEARLY * self.spec.minimum)

    def asked(self, seconds: float) -> float:
        """What a repetition must reach that was so long near its top."""
        if not self.seconds:
            return self.need
        short = (USUAL - seconds / self.seconds) / SPREAD
        return max((SURE + LESS * min(max(short, -1.0), 1.0)) * self.value, NEARLY * self.spec.minimum)

    def judge(self, rep: Rep, size: float, seconds: float, hidden: bool, noise: float) -> list[Rep]:
        """What to tell of a repetition of this ``size``, so many ``seconds`` of it above half of its peak.

        ``hidden``: its top was not seen, and half of the size will do.  Partials below ``noise`` are never promoted.
        """
        if size >= (0.5 * self.need if hidden else self.asked(seconds)):
            return self._count(rep, size, seconds, learn=not hidden)
        if size < max(NEARLY * self.spec.minimum, TOLD * self.value):
            return []
        rep = rep._replace(status="partial")
        self.pending.append((rep, size, seconds))
        return [rep, *self._promote(rep.decided, noise)]

    def _count(self, rep: Rep, size: float, seconds: float, learn: bool) -> list[Rep]:
        first = not self.counted
        self.counted += 1
        told = [rep._replace(status="counted")]
        if learn:
            ratio = size / self.value
            surprise = ratio > ALIKE and self.counted <= 3  # what came before was small
            gain = max(LATER, FIRST / (1 if surprise else self.counted))
            self._learn(self.value * ratio ** (gain if self.guessed or not first else 0.5))
            self.seconds = seconds if not self.seconds else self.seconds * (seconds / self.seconds) ** gain
            if first:  # now that the amplitude is known, so are those before
                told = [*self._told_again(self.pending, rep.decided, SURE * size), *told]
                self.counted += len(told) - 1
        self.pending = []
        return told

    def _learn(self, value: float) -> None:
        self.value = min(max(value, 0.8 * self.spec.minimum), 4.0 * self.spec.expected)

    def _promote(self, decided: int, noise: float) -> list[Rep]:
        """The latest partials, if they are alike and enough of them."""
        many = 2 if self.counted < YOUNG else 3
        sizes, times = [p[1] for p in self.pending[-many:]], [p[2] for p in self.pending[-many:]]
        if many < 3 and self.seconds and max(times) < BROKEN * self.seconds:
            return []
        least = max(self.spec.minimum, noise)
        if len(sizes) < many or max(sizes) > ALIKE * min(sizes) or min(sizes) < least:
            return []
        mean = sum(sizes) / many
        told = self._told_again(self.pending if not self.counted else self.pending[-many:], decided, SURE * mean)
        self.counted += len(told)
        self.pending = []
        self._learn(mean)
        self.seconds = sum(times) / many
        return told

    def _told_again(self, partials: list[tuple[Rep, float, float]], decided: int, least: float) -> list[Rep]:
        return [rep._replace(decided=decided, status="promoted") for rep, size, _ in partials if size >= least]
