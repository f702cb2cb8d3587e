"""Axes, frames, signs and units: one convention for every value, table, file and plot.

In short
--------
* Flexion is **positive**, extension negative; bending to the **right** is positive; turning to the **left** is
  positive.  Zero is the person's own *stand tall*, captured once (a functional, not an anatomical, neutral).
* Inside the package: SI units and radians.  At its edges (tables, files, commands, TOML): degrees, and the unit is in
  the name (``trunk_inclination_deg``).
* ``a_from_b`` rotates a vector expressed in frame *b* into frame *a*; quaternions are ``(w, x, y, z)``.

Frames
------
earth
    z up (against gravity), heading arbitrary: no magnetometer is used, so only the two angles that gravity shows are
    absolute.
sensor
    The axes printed on the sensor.  ``acc`` is specific force (a sensor at rest reads +9.81 m/s2 along the axis that
    points up), ``gyr`` the angular rate, both in this frame.
segment (body)
    ISB axes of a trunk or limb segment: x anterior, y cranial (proximal for a limb), z to the person's right
    [1]_ [2]_.  ``body_from_sensor`` is what calibration finds.

Angles of a trunk segment
-------------------------
With ``u`` the unit vector "up" in the segment frame::

    flexion      = atan2(-u_x, u_y)               0 upright, +90 deg prone, defined through +-180 deg
    out_of_plane = atan2(-u_z, hypot(u_x, u_y))   right side down = +

``atan2`` does not fold at 90 deg the way an Euler pitch does.  ``out_of_plane`` *means* a side bend while the trunk is
upright (|flexion| < 45 deg) and a turn about the long axis while it is near horizontal (45 to 135 deg).  Both use
gravity alone: they do not drift.

ISB signs
---------
In the ISB joint coordinate system flexion about z is *negative* for a trunk bending forward.  ISB-signed values are
written only as extra columns whose name ends in ``_isb``; :data:`ISB_SIGN` holds the factor of each kind.

References
----------
.. [1] G. Wu et al., J. Biomech. 35 (2002) 543-548, doi:10.1016/S0021-9290(01)00222-6
.. [2] G. Wu et al., J. Biomech. 38 (2005) 981-992, doi:10.1016/j.jbiomech.2004.05.042
"""

from typing import Final

GRAVITY: Final = 9.81
"""m/s2; the magnitude that a still accelerometer is compared with."""

FRAME_RATE: Final = 100.0
"""Hz; the common grid on which all sensors are compared."""

ISB_SIGN: Final = {"flexion": -1.0, "lateral": +1.0, "rotation": +1.0}
"""Factor from this package's sign to the ISB sign, by kind of angle (right bend + and left rotation + agree)."""

SITES: Final = ("upper_back", "thoracolumbar", "sacrum", "wrist", "upper_arm")
"""Where a sensor can be worn: T2-T4, T12/L1, S1-S2, above the wrist, above the elbow."""
