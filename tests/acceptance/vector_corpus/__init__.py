"""The corpus of vector files through the whole platform, and back out of every door."""
