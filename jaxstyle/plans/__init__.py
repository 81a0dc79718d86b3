"""What the user said, made into what will be done."""
