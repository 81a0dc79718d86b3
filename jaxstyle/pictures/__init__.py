"""Pixels: files in and out, sizes, colour, noise."""
