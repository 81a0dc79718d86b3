"""What came of a run or a network: the record of it, and how both are written."""
