"""Files that people send, and what has to become of each."""
