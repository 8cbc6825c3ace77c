"""Tables of features as files: read in batches, written as a stream, with every forced difference noted."""
