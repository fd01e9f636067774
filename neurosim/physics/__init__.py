"""WHAT relaxes: physical models, their parameters, drifts, costs and imperfections."""
