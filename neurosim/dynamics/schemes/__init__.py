"""Time-stepping schemes, one per file."""
