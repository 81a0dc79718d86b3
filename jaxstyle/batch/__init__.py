"""Many pictures at once."""
