"""Exact reference gradients, from code that shares nothing with the kernels and rules they judge."""
