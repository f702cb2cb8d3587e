"""Plain words for people: sensors, angles, reasons, events and losses, safe to show on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from imu_coach import phrases

if TYPE_CHECKING:
    from imu_coach.recording import Loss
    from imu_coach.types import Event

NOTICE = "Not a medical device."

STATES = ("ok", "not started", "no data", "settling")
"""What a sensor's frames say, by the code of :class:`imu_coach.types.Why`."""

SHORT = {
    "not_started": "sensor not started",
    "no_data": "no data",
    "settling": "settling",
    "not_worn": "no sensor there",
    "not_calibrated": "not calibrated",
    "side_axis_unknown": "left and right not calibrated",
    "posture_unknown": "posture not known",
    "no_anchor": "nothing fixes the pelvis",
    "transition": "moving between postures",
    "out_of_plane": "too far sideways",
    "not_defined_here": "not defined in this posture",
    "sensor_moved": "sensor may have moved",
    "calibrating": "calibrating",
}
"""A few words for each reason; :data:`imu_coach.types.WHY_TEXT` says more."""

SITE = {
    "upper_back": "upper back",
    "thoracolumbar": "lower back (T12/L1)",
    "sacrum": "sacrum",
    "wrist": "wrist",
    "upper_arm": "upper arm",
}

POSE = {
    "table_still": "lay still on the table",
    "stand_tall": "stood tall",
    "sit_tall": "sat tall",
    "lie_prone": "lay on the front",
    "sit_to_stand": "stood up from the chair",
    "hip_hinge": "leaned from the hips",
}

KIND = {
    "calibration_failed": "not calibrated",
    "small_rep": "small",
    "rep": "repetition",
    "undone": "taken back",
    "marked": "mark",
}
"""Kinds whose name is not what people are told."""

LOSSES_SHOWN = 4


def clean(text: object) -> str:
    """One line of printable characters: what a file says may not control a terminal."""
    shown = "".join(c if c.isprintable() else "\n" for c in str(text))
    return " ".join(part for part in shown.split("\n") if part)


def site(name: str) -> str:
    """A sensor's place in words; names from foreign files as they are."""
    return SITE.get(name, clean(name).replace("_", " "))


def angle(name: str) -> str:
    """``trunk_inclination`` -> ``trunk inclination``."""
    return name.replace("_", " ")


def clock(seconds: float) -> str:
    """``m:ss`` or ``h:mm:ss``, of whole seconds that have passed."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def span(seconds: float) -> str:
    """A length of time: ``45.2 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def percent(share: float) -> str:
    """A share in per cent; never 100 % or 0 % of something that is not all or nothing."""
    if 0.0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1.0 else f"{100 * share:.0f} %"


def event(e: Event) -> str:
    """An event as one calm line."""
    if e.kind in _TEXT:
        text = _TEXT[e.kind](e.sensor, e.detail)
    else:
        text = phrases.said(e).removesuffix(".") or f"{e.kind} {site(e.sensor)}"
    return " ".join(clean(text).split())


def kind(name: str) -> str:
    """An event's kind in words, for counting them."""
    return KIND.get(name, name.replace("_", " "))


def short_event(e: Event) -> str:
    """An event in two or three words, for a plot; "" for those that are only worth a mark."""
    if e.kind == "calibrated":
        refused = [site(name) for name, quality in _sensors(e.detail) if "problem" in quality]
        text = f"{_pose(e.detail)}, not {', '.join(refused)}" if refused else _pose(e.detail)
        return "" if e.detail.get("pose") == "table_still" else clean(text)
    if e.kind == "marked":
        return clean(e.detail.get("text", ""))[:24]
    if e.kind == "calibration_failed":
        return clean(f"{_pose(e.detail)}: not calibrated")
    words = {"slipped": "may have moved", "sensor_lost": "no data"}
    return f"{site(e.sensor)} {words[e.kind]}".strip() if e.kind in words else ""


def _pose(detail: Mapping[str, Any]) -> str:
    pose = str(detail.get("pose", ""))
    return POSE.get(pose, pose.replace("_", " "))


def _calibrated(sensor: str, detail: Mapping[str, Any]) -> str:
    if detail.get("pose") == "table_still":
        how = "lay still" if detail.get("automatic") else "lay still on the table"
        return f"{site(sensor)} sensor {how}: its zero of turning is known"
    text = f"{_pose(detail)}: calibrated"
    refused = [site(name) for name, quality in _sensors(detail) if "problem" in quality]
    return f"{text}, but not the {' and the '.join(refused)}" if refused else text


def _calibration_failed(sensor: str, detail: Mapping[str, Any]) -> str:
    problems = [str(q["problem"]) for _, q in _sensors(detail) if "problem" in q] or [str(detail.get("problem", ""))]
    whose = f" ({site(sensor)})" if sensor else ""
    return f"{_pose(detail)}{whose}: not calibrated, {', '.join(dict.fromkeys(problems))}; let's try that again"


def _sensors(detail: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    sensors = detail.get("sensors", {})
    return sensors.items() if isinstance(sensors, Mapping) else ()


def _slipped(sensor: str, detail: Mapping[str, Any]) -> str:
    place = "back" if sensor == "upper_back" else site(sensor)
    return f"the {place} sensor may have moved: carry on, I count but do not judge posture"


def _lost(sensor: str, detail: Mapping[str, Any]) -> str:
    return f"{site(sensor)}: no data for a second"


def _back(sensor: str, detail: Mapping[str, Any]) -> str:
    return f"{site(sensor)}: back after {float(detail.get('seconds', 0.0)):.1f} s"


def _marked(sensor: str, detail: Mapping[str, Any]) -> str:
    return f"marked: {detail.get('text', '')}"


# --- what the coach tells -------------------------------------------------------------------------------------------

BY = {"counted": "", "probable": ", probable", "hand": ", by hand"}


def _rep(sensor: str, detail: Mapping[str, Any]) -> str:
    if detail["promoted"]:
        return f"the small one before counts: repetition {detail['number']}{BY[detail['status']]}"
    return f"repetition {detail['number']}{BY[detail['status']]}"


def _undone(sensor: str, detail: Mapping[str, Any]) -> str:
    return f"repetition {detail['number']} taken back"


def _hold_second(sensor: str, detail: Mapping[str, Any]) -> str:
    return f"hold, {float(detail['seconds']):.0f} s"


def _hold_end(sensor: str, detail: Mapping[str, Any]) -> str:
    target = detail.get("target_s")
    return f"held {float(detail['seconds']):.1f} s{f' of {target:g}' if target else ''}"


def _set_end(sensor: str, detail: Mapping[str, Any]) -> str:
    reps, asked = detail["reps"], phrases.numbers(detail.get("asked"))
    aside = [f"{detail[name]} {word}" for name, word in ASIDE.items() if detail.get(name)]
    told = f"{reps} of {asked}" if asked else f"{reps} done"
    told += ", good work" if reps else ""
    return f"{told} ({', '.join(aside)})" if aside else told


ASIDE = {"probable": "probable", "hand": "by hand", "small": "small", "undone": "taken back"}


# --- what is watched ------------------------------------------------------------------------------------------------


def warning(detail: Mapping[str, Any]) -> str:
    """Its title and number; and what is said aloud, when it is."""
    value, unit = detail.get("value_deg"), "°/s" if detail.get("unit") == "deg/s" else "°"
    limit = detail.get("threshold_deg")
    number = f" {value:.0f}°" if value is not None and unit == "°" else ""
    number += f", beyond {limit:.0f}{unit}" if limit is not None else ""
    text = phrases.phrases().get(str(detail.get("prompt")))
    said = text.text[phrases.LANGUAGE].removesuffix(".") if text is not None and detail.get("spoken") else ""
    return f"{str(detail.get('title')).lower()}{number}{f': {said}' if said else ''}"


def _cleared(sensor: str, detail: Mapping[str, Any]) -> str:
    return f"{detail.get('rule')} is over after {float(detail.get('seconds', 0.0)):.1f} s"


def _not_judged(sensor: str, detail: Mapping[str, Any]) -> str:
    from imu_coach.core.quantities import REASON_TEXT

    why = str(detail.get("why", ""))
    return f"{str(detail.get('title')).lower()}: not judged, {REASON_TEXT.get(why, why)}"


def _judged_again(sensor: str, detail: Mapping[str, Any]) -> str:
    return f"{str(detail.get('title')).lower()}: judged again"


def _transition(sensor: str, detail: Mapping[str, Any]) -> str:
    deepest = detail.get("deepest_deg")
    lean = f", leaning up to {deepest:.0f}°" if deepest is not None else ""
    return f"moved from one posture to another in {float(detail.get('seconds', 0.0)):.0f} s{lean}"


_TEXT = {
    "rep": _rep,
    "small_rep": lambda sensor, detail: "small one, counted as half-way",
    "undone": _undone,
    "hold_begin": lambda sensor, detail: "holding",
    "hold_second": _hold_second,
    "hold_end": _hold_end,
    "set_end": _set_end,
    "warning": lambda sensor, detail: warning(detail),
    "warning_cleared": _cleared,
    "not_judged": _not_judged,
    "judged_again": _judged_again,
    "transition": _transition,
    "calibrated": _calibrated,
    "calibration_failed": _calibration_failed,
    "slipped": _slipped,
    "sensor_lost": _lost,
    "sensor_back": _back,
    "marked": _marked,
}


def loss(one: Loss) -> str:
    """Where a file is damaged and what that cost."""
    if one.before_t is not None and one.after_t is not None:
        where = f"between {one.before_t:.1f} s and {one.after_t:.1f} s"
    elif one.before_t is not None:
        where = f"after {one.before_t:.1f} s"
    else:
        where = f"before {one.after_t:.1f} s" if one.after_t is not None else "everywhere"
    return f"{where} ({clean(one.problem)})"


def losses(found: Iterable[Loss]) -> str:
    """All losses in one line; "" when there are none."""
    told = [loss(one) for one in found]
    if len(told) > LOSSES_SHOWN:
        told = [*told[:LOSSES_SHOWN], f"and {len(told) - LOSSES_SHOWN} more"]
    return f"damaged: {'; '.join(told)}" if told else ""
