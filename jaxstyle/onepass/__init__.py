"""Painting a picture in one pass, by a network of whatever kind: layers, strips, the record."""
