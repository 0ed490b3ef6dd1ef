"""The FINN back end: an adapter that runs FINN in an environment of its own, files in and files out."""
