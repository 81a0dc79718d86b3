"""What the commands of the command line do, one function each, of the parsed options; `cli` parses and handles errors."""
