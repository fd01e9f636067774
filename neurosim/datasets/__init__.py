"""Data sets: embedded digits, readers of IDX, NPZ and HDF5 files, and generated tasks."""
