"""The sans-I/O core: recorded inputs in, frames, angles and events out.  No clock, no thread, no file in here."""
