"""A plan carried out: compiled programs, targets, the loop of a stage, all stages, what is kept on the way."""
