"""What can be chosen: filters and layouts."""

from __future__ import annotations

import click

from imu_coach.cli.common import put


@click.command(short_help="List the orientation filters.")
def filters() -> None:
    """List the orientation filters that --filter takes."""
    from imu_coach.core.filters import FILTERS

    width = max(map(len, FILTERS))
    for name, text in FILTERS.items():
        put(f"{name:{width}}  {text}")


@click.command(short_help="List the sensor layouts.")
def layouts() -> None:
    """List the sensor layouts that --layout takes, with what each can and cannot see."""
    from imu_coach.config import LAYOUTS, layout

    for k, name in enumerate(LAYOUTS):
        one = layout(name)
        if k:
            put("")
        put(f"{name}: {one.title}")
        put(f"  sensors     {', '.join(one.sites)}")
        for heading, items in (("sees", one.sees), ("cannot see", one.cannot_see)):
            for i, item in enumerate(items):
                put(f"  {heading if not i else '':11} {item}")
