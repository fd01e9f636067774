"""Pictures of sweeps: functions of an open ``sweep.h5`` and of what the user wants on which axis."""
