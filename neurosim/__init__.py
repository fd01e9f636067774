"""Physical learning circuits in continuous time: simulate them, train them, and measure how far their updates are from the gradient."""

__version__ = "0.1.0"
