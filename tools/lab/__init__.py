"""The laboratory: the application with additional job types and faults, for benchmarks and chaos tests."""
