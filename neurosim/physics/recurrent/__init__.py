"""Recurrent circuits that are driven by signals: discrete Elman networks."""
