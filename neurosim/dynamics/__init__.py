"""HOW a circuit relaxes: time-stepping schemes, step control, stop rules, recording, equilibrium solvers."""
