"""One picture, from files to a result."""
