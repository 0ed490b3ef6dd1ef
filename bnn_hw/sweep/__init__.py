"""Many points at once: networks, boards and goals as parallel jobs on Dask."""
