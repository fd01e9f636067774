"""Threads: how work is cut, that the cut depends on nothing but the size, and that BLAS gets its own back."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from neurosim.workers import LARGEST_BLOCK, SMALLEST_SHARED_BATCH, Workers, row_blocks, slices

sizes = st.integers(1, 5000)


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@given(sizes)
def test_blocks_cover_every_row_once(rows: int):
    """In order, none empty, none larger than the cache allows, shared from the threshold on."""
    blocks = row_blocks(rows)
    assert [i for block in blocks for i in range(rows)[block]] == list(range(rows))
    lengths = [block.stop - block.start for block in blocks]
    assert min(lengths) >= 1
    assert max(lengths) <= LARGEST_BLOCK
    assert max(lengths) - min(lengths) <= 1, "nearly equal, so that no thread waits"
    assert (len(blocks) > 1) == (rows >= SMALLEST_SHARED_BATCH)


@given(sizes)
def test_blocks_are_a_function_of_the_size(rows: int):
    """Nothing else comes in: the same call gives the same cut, whatever pools exist."""
    before = row_blocks(rows)
    with Workers(3):
        assert row_blocks(rows) == before


@given(st.integers(0, 5000), st.integers(1, 60))
def test_halves_cover_a_length_once(size: int, count: int):
    parts = slices(size, count)
    assert len(parts) == count
    assert [i for part in parts for i in range(size)[part]] == list(range(size))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_map_keeps_the_order(threads: int):
    """Results come in the order of the items, whoever finishes first; any iterable will do."""
    with Workers(threads) as workers:
        gate = threading.Event()

        def slow_first(i: int) -> int:
            if threads > 1:
                assert i > 0 or gate.wait(10)
                gate.set() if i == 1 else None
            return i * i

        assert workers.map(slow_first, iter(range(20))) == [i * i for i in range(20)]
        assert workers.map(slow_first, []) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_piece_is_an_error(threads: int):
    """What goes wrong in a thread is raised where the result is wanted, and the pool goes on working."""
    with Workers(threads) as workers:
        with pytest.raises(ZeroDivisionError):
            workers.map(lambda i: 1 // i, [2, 1, 0])
        assert workers.map(lambda i: 1 // i, [2, 1]) == [0, 1]


def test_each_piece_has_one_blas_thread_and_blas_gets_its_own_back():
    """Two levels of threads would fight for the processors, and would make sums depend on how many there are."""
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        assert set(before) == {2}
        with Workers(2) as workers:
            assert set(blas_threads()) == {1}
            assert workers.threads == 2
        assert blas_threads() == before


def test_no_threads_outlive_the_pool():
    before = threading.active_count()
    with Workers(3) as workers:
        workers.map(lambda i: i, range(30))
    assert threading.active_count() == before


def test_the_default_is_what_the_process_may_use():
    with Workers() as workers:
        assert workers.threads >= 1
