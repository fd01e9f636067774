"""Functions of complex currents, for circuits nudged along a contour in the complex plane."""
