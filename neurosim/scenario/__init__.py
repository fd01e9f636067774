"""YAML scenario files -> validated, frozen objects; every error at once, each with its place."""
