"""Random words against published answers, and normals against the same formulas in the longest floating type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import types

from neurosim.errors import SimulationError
from neurosim.jit import kernel, vector
from neurosim.noise.fill import LINES, fill_lines, fill_normals, line_width, lines
from neurosim.noise.philox import philox
from neurosim.seeds import NoiseKey, Purpose, noise_key

PRECISIONS = ("float32", "float64")
KEY = NoiseKey(0x01234567, 0x89ABCDEF)
FULL = 0xFFFFFFFF
# Counter, key, words: the test vectors of philox4x32 with ten rounds in Random123 1.14 (tests/kat_vectors).
PUBLISHED = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL,) * 4, (FULL,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@kernel(lambda real: types.void(types.int64, types.int64, LINES, types.int64, types.int64, vector(real)))
def lines_of(key0, key1, counters, step, stream, out):
    fill_lines(key0, key1, counters, step, stream, out)


def words(counter, key):
    """Philox 4x32-10 in whole numbers of any size."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & FULL, (a >> 32) ^ c[3] ^ k[1], a & FULL]
        k = [(k[0] + 0x9E3779B9) & FULL, (k[1] + 0xBB67AE85) & FULL]
    return c


def formula(dtype, a, b, c, d):
    """Box and Muller's transform of four words, in the longest floating type there is."""
    long = np.longdouble
    pi = 4 * np.arctan(long(1))

    def pair(u, turn, sign):
        radius = np.sqrt(-2 * np.log(u))
        return [sign * radius * np.cos(pi * turn), radius * np.sin(pi * turn)]

    def signed(word):
        return word - (1 << 32) if word >> 31 else word

    if dtype == "float32":
        first, second = (
            (long((x >> 1) + 1) / 2**31, long(signed(y)) / 2**32, 1 - 2 * (x & 1)) for x, y in ((a, b), (c, d))
        )
        return pair(*first) + pair(*second)
    u = long(((a >> 5) << 26) + (b >> 6) + 1) / 2**53
    return pair(u, long((signed(c) << 21) + (d >> 11)) / 2**53, 1 - 2 * (d & 1))


def normals(dtype, paths, step=0, stream=0, units=100, key=KEY):
    out = np.empty((len(paths), units), dtype)
    fill_normals[dtype](*key, np.asarray(paths, np.int64), step, stream, out)
    return out


@pytest.mark.parametrize(("counter", "key", "answer"), PUBLISHED)
def test_published_answers(counter, key, answer):
    found = philox(*(np.uint64(word) for word in (*counter, *key)))
    assert tuple(int(word) for word in found) == answer
    assert tuple(words(counter, key)) == answer  # what the next test relies on


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 3e-6), ("float64", 4e-15)])
def test_normals_are_what_their_counter_says(dtype, bound):
    """The documented place of every number in the counter, and the transform to its last bits."""
    path, step, stream, units = (5 << 32) + 77, 123456, 9, 203
    per = 4 if dtype == "float32" else 2
    expected = []
    for block in range(-(-units // per)):
        counter = (block, step, path & FULL, stream | (path >> 32 << 16))
        expected += formula(dtype, *words(counter, KEY))
    found = normals(dtype, [path], step, stream, units)[0]
    assert np.abs(found - np.array(expected[:units])).max() < bound


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_value_depends_on_nothing_but_its_own_counter(dtype):
    """Order and number of rows and of units change no bit of any value."""
    paths = [3, 1 << 40, 0, 17, 3]
    whole = normals(dtype, paths, step=7, stream=2, units=101)
    np.testing.assert_array_equal(whole[0], whole[4])
    for r, path in enumerate(paths):
        for units in (1, 2, 3, 4, 7, 64, 101):
            np.testing.assert_array_equal(normals(dtype, [path], 7, 2, units)[0], whole[r, :units])
    np.testing.assert_array_equal(normals(dtype, paths[::-1], 7, 2, 101), whole[::-1])


@given(
    dtype=st.sampled_from(PRECISIONS),
    paths=st.lists(st.integers(0, (1 << 48) - 1), min_size=1, max_size=9),
    units=st.integers(1, 70),
    step=st.integers(0, FULL),
    stream=st.integers(0, 65535),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_any_part_of_any_batch_is_the_same_noise(dtype, paths, units, step, stream, data):
    """Rows in any choice and order, and any number of first units."""
    whole = normals(dtype, paths, step, stream, units)
    rows = data.draw(st.lists(st.integers(0, len(paths) - 1), min_size=1, max_size=12))
    fewer = data.draw(st.integers(1, units))
    part = normals(dtype, [paths[r] for r in rows], step, stream, fewer)
    np.testing.assert_array_equal(part, whole[rows, :fewer])
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() < (6.6 if dtype == "float32" else 8.6)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("units", [1, 10, 11, 130])
def test_lines_are_the_same_normals(dtype, units):
    """The loop over all rows at once, as integrators use it, and the one row by row give the same bits."""
    paths = np.array([9, 0, (1 << 48) - 1, 9, 1 << 33])
    out = np.empty((paths.size, line_width(units, dtype)), dtype)
    for step, stream in ((0, 0), ((1 << 32) - 1, 65535)):
        lines_of[dtype](*KEY, lines(paths, units, dtype), step, stream, out.reshape(-1))
        np.testing.assert_array_equal(out[:, :units], normals(dtype, paths, step, stream, units))


@pytest.mark.parametrize("path", [-1, 1 << 48])
def test_paths_outside_the_counter_are_refused(path):
    with pytest.raises(SimulationError, match=f"from 0 to 2\\^48 - 1, found 0 to {path}|found {path} to 0"):
        lines(np.array([0, path]), 4, "float32")


def test_keys_differ_by_seed_purpose_and_index():
    keys = {
        noise_key(seed, purpose, *index)
        for seed in (0, 1)
        for purpose in (Purpose.STATE_NOISE, Purpose.READ_NOISE)
        for index in ((), (0,), (1,), (0, 0))
    }
    assert len(keys) == 16
    assert all(0 <= word <= FULL for key in keys for word in key)
