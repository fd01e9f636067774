"""Netlists for ngspice, and the comparison of what it finds with what neurosim finds."""
