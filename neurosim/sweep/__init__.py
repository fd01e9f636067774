"""Many runs of one scenario: plan, engines, resumption, and one file with the figures of all points."""
