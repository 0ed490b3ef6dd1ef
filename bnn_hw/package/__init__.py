"""One folder for the board: bit file, handoff, manifest, golden vectors, driver and bench."""
