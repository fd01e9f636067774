"""Philox 4x32-10: four random words as a function of a key and a counter, without any state.

Ten rounds of    (c0, c1, c2, c3) <- (hi(B c2) ^ c1 ^ k0,  lo(B c2),  hi(A c0) ^ c3 ^ k1,  lo(A c0))

with the key raised by two constants between rounds; hi and lo are the halves of a product of 64 bits. Every word of 32
bits is kept in an unsigned integer of 64: one vector instruction then gives both halves.
Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.jit import uncontracted

ROUNDS = 10
_A, _B = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_RAISE_0, _RAISE_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@uncontracted
def philox_round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return the counter after one round."""
    a, b = _A * (c0 & _WORD), _B * (c2 & _WORD)
    return (b >> _HALF) ^ c1 ^ k0, b & _WORD, (a >> _HALF) ^ c3 ^ k1, a & _WORD


@uncontracted
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return four random words for a counter of four words and a key of two, all uint64 below 2^32."""
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1)
    for _ in range(ROUNDS - 1):
        k0, k1 = (k0 + _RAISE_0) & _WORD, (k1 + _RAISE_1) & _WORD
        c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1)
    return c0, c1, c2, c3
