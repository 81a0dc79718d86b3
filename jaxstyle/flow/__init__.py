"""Optical flow between two frames, pictures moved along it, and how far it can be relied on."""
