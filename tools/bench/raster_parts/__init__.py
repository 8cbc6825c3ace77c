"""The parts of `./dev bench raster`: each measures one thing and says what it must be."""
