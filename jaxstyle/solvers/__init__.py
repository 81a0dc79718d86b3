"""Minimisers between two steps, of any function of an array. Only this room imports jaxopt and optax."""
