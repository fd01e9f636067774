"""Circuit descriptions shipped with neurosim, one YAML file each."""
