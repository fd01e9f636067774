"""Netlists: resistors, diodes, sources, capacitors and amplifiers that Kirchhoff's laws settle."""
