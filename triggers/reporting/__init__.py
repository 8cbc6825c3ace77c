"""The quality report as a page for people: one HTML document without anything to load."""
