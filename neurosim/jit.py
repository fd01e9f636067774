"""The one place for Numba: compiler flags, signature types, the drift ABI, and the folder of compiled kernels.

A *kernel* is called from Python. It is compiled for one floating type when that type is first asked for, under an
explicit signature, and kept on disk, so that the next process loads it in milliseconds. A *helper* is called from
kernels only and becomes part of them.

Drift ABI: ``drift(t, y, model, out)`` writes dy/dt of a whole batch into `out`.

============  =========================================================================================
t             time in seconds
y             state, flat; block i of the layout is an array (planes, rows, units); values behind the last block
              have no leak and are shared by all rows
model         `ModelArrays`: all that the equation needs to know
out           rates in state units per second
============  =========================================================================================
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from neurosim.errors import SimulationError

# error_model="numpy": the division check of the Python model stops vectorisation. fastmath keeps NaN and infinity
# honest: "contract" only fuses multiply-add; "reassoc" is for sums of squares and nothing else.
FLAGS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}, "nogil": True}
REDUCTION_FLAGS: dict[str, Any] = {**FLAGS, "fastmath": {"contract", "reassoc"}}
# What is fused depends on the machine and on how a loop was unrolled; random numbers may depend on neither.
UNCONTRACTED: dict[str, Any] = {**FLAGS, "fastmath": False}

COMPILED = {"jit.py", "noise", "physics", "dynamics"}  # whatever lies here may end up in kernels

HEADER = 2  # entries of `layout` before the block table
BLOCK_ENTRIES = 3  # offset, planes, units

Function = TypeVar("Function", bound=Callable[..., Any])
_config: Any = numba.config  # a module without annotations
_lock = threading.RLock()
_compile_seconds = 0.0


def vector(real: Any) -> Any:
    """Return the type of a contiguous vector of `real`."""
    return types.Array(real, 1, "C")


INDEX = vector(types.int64)


class ModelArrays(NamedTuple):
    """What kernels see of a circuit with a batch on its terminals, all flat.

    Parameters
    ----------
    p : ndarray
        Slow numbers, shared by all rows: first the leak rate of every block in 1/s, then the model's own.
    layout : ndarray of int64
        Rows, number of blocks, then (offset, planes, units) per block, then the model's own.
    u : ndarray
        What changes with every batch: drives, targets, nudges, one line per row.
    work : ndarray
        Scratch.
    """

    p: Any
    layout: Any
    u: Any
    work: Any


def record(kind: type[Any], *members: Any) -> Any:
    """Return the Numba type of the named tuple `kind` with members of the given types."""
    return types.BaseTuple.from_types(members, kind)  # type: ignore[no-untyped-call]


def model_type(real: Any) -> Any:
    """Return the Numba type of `ModelArrays`."""
    return record(ModelArrays, vector(real), INDEX, vector(real), vector(real))


def drift_signature(real: Any) -> Any:
    """Return the signature of a drift for the floating type `real`."""
    return types.void(types.float64, vector(real), model_type(real), vector(real))


@cache
def kernel_sources_digest() -> str:
    """Return a digest of every source file that can end up in a compiled kernel, tables of constants included.

    Numba checks only the file that holds a function, so an edit in an imported helper would leave stale machine code.
    """
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version}".encode())
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        text = path.read_bytes()
        if b"neurosim.jit" in text or path.relative_to(root).parts[0] in COMPILED:
            digest.update(str(path.relative_to(root)).encode() + text)
    return digest.hexdigest()[:16]


@cache
def cache_folder() -> Path:
    """Return the folder of compiled kernels: in $NEUROSIM_CACHE, else the user's cache folder, else a temporary one."""
    if sys.platform == "win32":
        user = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        user = Path.home() / "Library" / "Caches"
    else:
        user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    chosen = os.environ.get("NEUROSIM_CACHE")
    candidates = [Path(chosen)] if chosen else [user / "neurosim", Path(tempfile.gettempdir()) / "neurosim-cache"]
    for base in candidates:
        folder = base / f"kernels-{kernel_sources_digest()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    tried = ", ".join(str(base) for base in candidates)
    raise SimulationError(f"no writable folder for compiled kernels (tried {tried}); set NEUROSIM_CACHE to one")


_names: set[tuple[str, str]] = set()


def _njit(function: Callable[..., Any], flags: dict[str, Any], keep: bool) -> Any:
    # Linked symbols carry module, qualified name and a number that counts from zero in every process. Two functions of
    # one name would be told apart by that number alone, and a kernel loaded from disk, compiled under other numbers,
    # would hand its version of one to callers of the other.
    name = (function.__module__, function.__qualname__)
    if name in _names:
        raise ValueError(f"{'.'.join(name)} is compiled twice; give every version a __qualname__ of its own")
    _names.add(name)
    # Numba reads the folder when a function is decorated; other users of Numba in this process keep their own.
    before = _config.CACHE_DIR
    _config.CACHE_DIR = str(cache_folder())
    try:
        return numba.njit(function, cache=keep, **flags)
    finally:
        _config.CACHE_DIR = before


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes out while a lock on `path` is held.

    Numba reads the index of a kernel's versions, adds one, and writes it back: two processes at once would lose a
    version, or file one under the name of the other. The second one waits here, and then finds the work done.
    """
    with path.open("w") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:  # each call gives up after ten seconds, and a compilation may take longer
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    continue
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                reason = f"the folder of compiled kernels, {path.parent}, cannot be locked ({error.strerror})"
                raise SimulationError(f"{reason}; set NEUROSIM_CACHE to a folder on a local disk") from error
        yield  # closing the file gives the lock back


KERNELS: list[Kernel] = []  # all kernels of the modules imported so far, for `neurosim warmup`


class Kernel:
    """A compiled function, one version per floating type.

    Parameters
    ----------
    function : callable
        The Python source.
    signature : callable
        Maps a Numba floating type to the signature.
    flags : dict
        Compiler flags.
    """

    def __init__(self, function: Callable[..., Any], signature: Callable[[Any], Any], flags: dict[str, Any]) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"
        self.signature = signature
        self.dispatcher = _njit(function, flags, keep=True)
        self._ready: set[np.dtype[Any]] = set()
        KERNELS.append(self)

    def __getitem__(self, dtype: Any) -> Any:
        """Return the function ready for `dtype` (float32 or float64), compiled now or loaded from disk.

        What is returned can be called, and passed to another kernel as a drift or a step.
        """
        dtype = np.dtype(dtype)
        if dtype not in self._ready:
            global _compile_seconds
            with _lock:
                began = time.perf_counter()
                with _alone(cache_folder() / f"{self.name}.lock"):
                    self.dispatcher.disable_compile(False)
                    self.dispatcher.compile(self.signature(numba.from_dtype(dtype)))
                    self.dispatcher.disable_compile()
                self._ready.add(dtype)
                _compile_seconds += time.perf_counter() - began
        return self.dispatcher


def kernel(
    signature: Callable[[Any], Any], flags: dict[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Kernel]:
    """Decorate a function that Python calls; `signature` maps a floating type to its signature."""

    def decorate(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, signature, FLAGS if flags is None else flags)

    return decorate


def helper(function: Function) -> Function:
    """Decorate a function that only kernels call."""
    return _njit(function, FLAGS, keep=False)  # type: ignore[no-any-return]


def inlined(function: Function) -> Function:
    """Decorate a scalar function that must vanish into the loop that calls it, or the loop would not vectorise."""
    return _njit(function, {**FLAGS, "forceinline": True}, keep=False)  # type: ignore[no-any-return]


def uncontracted(function: Function) -> Function:
    """Decorate a scalar function like `inlined`, with results that are the same in every loop and on every machine."""
    return _njit(function, {**UNCONTRACTED, "forceinline": True}, keep=False)  # type: ignore[no-any-return]


def _fused(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a b + c with one rounding, in every loop and on every machine; for real numbers of one type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, b, c), generate


fused: Any = intrinsic(_fused)


def reduction(function: Function) -> Function:
    """Decorate a sum whose terms may be added in any order; nothing else may use these flags."""
    return _njit(function, REDUCTION_FLAGS, keep=False)  # type: ignore[no-any-return]


@inlined
def block(layout: Any, i: int) -> tuple[int, int, int]:
    """Return (offset, planes, units) of state block `i`, from 0."""
    at = HEADER + BLOCK_ENTRIES * i
    return layout[at], layout[at + 1], layout[at + 2]


@inlined
def model_entries(layout: Any) -> int:
    """Return where the model's own entries of `layout` begin."""
    return HEADER + BLOCK_ENTRIES * layout[1]  # type: ignore[no-any-return]


def compile_seconds() -> float:
    """Return the seconds this process has spent compiling kernels or loading them from disk."""
    return _compile_seconds
