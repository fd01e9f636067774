"""Shared by the tests of learning: threads that are put away again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from neurosim.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(1) as one:
        yield one
