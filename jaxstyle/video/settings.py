"""What can be said of a film beside what is said of pictures."""

STEADY = 0.5
"""How much a frame is held to the painting of the one before, 0 to 1."""
