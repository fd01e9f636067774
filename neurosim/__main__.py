"""``python -m neurosim`` is the command ``neurosim``."""

from neurosim.cli.main import main

main()
