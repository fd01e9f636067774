"""The compartment network: layers of point neurons or dyads, forward and feedback conductances."""
