"""What `./dev bench chaos` does to the engine, one module per kind of harm."""
