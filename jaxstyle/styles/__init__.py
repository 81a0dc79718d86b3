"""Style networks: trained once with the loss of the optimisation, then painting a picture in one pass."""
