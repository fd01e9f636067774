"""The laws of the elements that carry currents: i(w) and di/dw, w the voltage from the first node to the second.

A new law is a file here and a line in each function of `neurosim.physics.resistive.laws.table`. Every law reads its
numbers from `p`, from place `at` on.
"""
