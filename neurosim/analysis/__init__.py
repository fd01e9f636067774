"""WHAT the user asked: analyses that take a scenario and return a result."""
