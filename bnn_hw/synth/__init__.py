"""Logic synthesis: one file a tool, one common utilisation record."""
