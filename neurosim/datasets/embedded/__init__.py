"""Data files that are shipped inside the package; ATTRIBUTION.md says where they come from."""
