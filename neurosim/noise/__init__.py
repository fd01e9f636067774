"""Random numbers inside kernels: functions of a key and of who draws when, and of nothing else."""
