"""STAC 1.0.0 documents of what has been processed. Nothing here talks to a catalogue."""
