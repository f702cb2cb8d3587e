"""Measured accuracy: each module runs one comparison with truth and returns rows that can be printed or kept."""
