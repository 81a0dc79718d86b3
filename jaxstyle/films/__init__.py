"""Films: read frame by frame and written frame by frame, one frame in memory at a time."""
