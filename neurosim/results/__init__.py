"""Result files and checkpoints: HDF5 in netCDF shape, written whole or not at all."""
