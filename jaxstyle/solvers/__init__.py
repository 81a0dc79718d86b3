"""Minimisers between two steps. They know a function of arrays and nothing of style; only this room imports jaxopt and optax."""
