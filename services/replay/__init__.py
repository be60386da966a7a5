"""Records topics to a file and tries rules on what was recorded."""
