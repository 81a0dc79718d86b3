"""Films by optimisation: each frame begins with the painting of those before it, carried along by the motion."""
