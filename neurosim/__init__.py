"""Physical learning circuits in continuous time: simulate, train, and measure the distance to the gradient."""

__version__ = "0.1.0"
