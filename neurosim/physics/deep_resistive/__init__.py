"""Deep resistive networks: layers of nodes with ideal diodes, joined by resistors that learn."""
