"""The command line: ``imu-coach COMMAND``; ``main`` is the entry point."""

from __future__ import annotations

import sys

import click

import imu_coach
from imu_coach.cli.about import filters, layouts
from imu_coach.cli.common import Guarded
from imu_coach.cli.doctor import doctor
from imu_coach.cli.evaluate import evaluate
from imu_coach.cli.exercises import exercises
from imu_coach.cli.files import info, repair
from imu_coach.cli.live import live, record
from imu_coach.cli.replay import replay
from imu_coach.cli.reps import reps
from imu_coach.cli.results import angles, plot
from imu_coach.cli.scan import identify, scan
from imu_coach.cli.sensors import people, sensors
from imu_coach.cli.sources import import_, simulate
from imu_coach.cli.virtual import virtual

__all__ = ["cli", "main"]


@click.group(cls=Guarded, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(imu_coach.__version__, prog_name="imu-coach")
def cli() -> None:
    """Exercises counted and trunk angles measured with small motion sensors. Not a medical device.

    Research and education software, not intended to diagnose, prevent, monitor or treat any disease or injury.

    \b
    With sensors:
      imu-coach scan, imu-coach identify, imu-coach live --exercise triceps_pushback
    Try it without any:
      imu-coach live --virtual
      imu-coach simulate pushback -o try.mcap
      imu-coach replay try.mcap
      imu-coach reps try.mcap --exercise triceps_pushback
      imu-coach plot try.mcap -o try.png

    Exit codes: 0 done, 1 done but the file had losses, 2 bad input, 130 interrupted.
    """


for command in (
    scan, identify, live, record, sensors, people, doctor, virtual,
    replay, info, angles, reps, plot, import_, simulate, repair, filters, layouts, exercises, evaluate,
):  # fmt: skip
    cli.add_command(command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    cli(prog_name="imu-coach")
