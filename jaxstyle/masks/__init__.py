"""Masks by name: faces, people, the subject and its background, found in a photograph."""
