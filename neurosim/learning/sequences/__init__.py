"""Learning from sequences: loss differences of noisy copies, and the exact gradient through time."""
