"""Generators between two collections of pictures, learned from them without pairs (Zhu et al., 2017; Park et al., 2020)."""
