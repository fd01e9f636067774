"""WHAT a synapse does: learning rules, exact reference gradients, optimizers."""
