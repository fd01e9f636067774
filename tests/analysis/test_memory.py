"""What runs of a sweep leave for each other."""

from __future__ import annotations

import pytest

from neurosim.analysis.memory import KEPT, Memory


def test_a_result_is_made_once_while_it_is_remembered():
    memory, made = Memory(), []

    def make(key: int) -> int:
        made.append(key)
        return 10 * key

    assert [memory.recall(1, lambda: make(1)) for _ in range(3)] == [10, 10, 10]
    assert made == [1]
    for key in range(2, 2 + KEPT):
        memory.recall(key, lambda key=key: make(key))
    memory.recall(1, lambda: make(1))
    assert made == [1, *range(2, 2 + KEPT), 1], "the first was forgotten"


def test_what_was_used_last_stays():
    memory = Memory()
    for key in range(KEPT):
        memory.recall(key, lambda: object())
    first = memory.recall(0, lambda: pytest.fail("was there"))
    memory.recall("another", lambda: object())
    assert memory.recall(0, lambda: pytest.fail("was there")) is first


def test_a_failure_is_not_remembered():
    memory = Memory()
    with pytest.raises(ValueError, match="first"):
        memory.recall(1, lambda: (_ for _ in ()).throw(ValueError("first")))
    assert memory.recall(1, lambda: 5) == 5
