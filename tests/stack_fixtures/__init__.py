"""The servers that tests run against: real ones, on free ports, in directories of their own."""
