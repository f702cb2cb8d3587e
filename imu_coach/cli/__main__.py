"""``python -m imu_coach.cli``."""

from imu_coach.cli import main

if __name__ == "__main__":
    main()
