"""Nothing from one test may stay on the bench of the next."""

from __future__ import annotations

import pytest

from neurosim.sweep.task import clear_bench


@pytest.fixture(autouse=True)
def _clear():
    yield
    clear_bench()
