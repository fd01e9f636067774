"""Experiments shipped with neurosim, one YAML file each."""
