"""Benchmarks: each module makes one claim, prints it as a ratio, and says what it ran on."""
