"""Compiled kernels: names that cannot collide, and a cache that several processes may fill at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import types

from neurosim.errors import SimulationError
from neurosim.jit import _alone, block, helper, kernel, kernel_sources_digest, vector

KERNEL = """
from numba import types
from neurosim.jit import kernel, vector

@kernel(lambda real: types.void(vector(real)))
def double(x):
    for i in range(x.size):
        x[i] *= 2
"""
USE = """
import sys, time
import numpy as np
from pathlib import Path
from doubling import double

gate = Path(sys.argv[2])
while not gate.exists():
    time.sleep(0.001)
x = np.arange(5, dtype=sys.argv[1])
double[x.dtype](x)
assert x.tolist() == [0, 2, 4, 6, 8]
print(sum(double.dispatcher.stats.cache_hits.values()))
"""


def test_a_kernel_has_one_version_per_floating_type():
    @kernel(lambda real: types.void(vector(real)))
    def half(x: Any) -> None:
        for i in range(x.size):
            x[i] /= 2

    for dtype in ("float32", "float64"):
        x = np.arange(4, dtype=dtype)
        half[dtype](x)
        assert x.tolist() == [0, 0.5, 1, 1.5]
    assert len(half.dispatcher.signatures) == 2
    with pytest.raises(TypeError):
        half["float32"](np.arange(4))  # nothing is compiled behind the user's back


def test_a_name_is_compiled_once():
    """Numba tells functions of one qualified name apart by a number that starts anew in every process.

    A kernel from the cache could hand its version to one that was compiled here; so the second of a name is refused.
    """

    def version(by: float) -> Any:
        def add(x: Any) -> Any:
            return x + by

        return add

    helper(version(1.0))
    with pytest.raises(
        ValueError, match=r"version\.<locals>\.add is compiled twice; give every version a __qualname__"
    ):
        helper(version(2.0))
    other = version(2.0)
    other.__qualname__ = "add_two"
    helper(other)


def test_block_reads_the_table():
    layout = np.array([7, 2, 0, 1, 3, 21, 2, 5, 99])
    assert block.py_func(layout, 0) == (0, 1, 3)
    assert block.py_func(layout, 1) == (21, 2, 5)


def test_the_digest_is_that_of_the_sources():
    assert len(kernel_sources_digest()) == 16
    assert kernel_sources_digest() == kernel_sources_digest()


def test_processes_that_fill_the_cache_at_once(tmp_path: Path):
    """Six processes compile two versions of a kernel at the same moment; the next two find both, whole and right."""
    (tmp_path / "doubling.py").write_text(KERNEL)
    gate, environment = tmp_path / "go", {**os.environ, "NEUROSIM_CACHE": str(tmp_path), "PYTHONPATH": str(tmp_path)}

    def start(dtype: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USE, dtype, str(gate)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    crowd = [start(dtype) for dtype in ("float32", "float64") * 3]
    gate.touch()
    assert [process.wait() for process in crowd] == [0] * 6
    hits = sorted(int(process.communicate()[0]) for process in crowd)
    assert hits == [0, 0, 1, 1, 1, 1], "each version is compiled by one process and loaded by the others"
    for process in [start("float32"), start("float64")]:
        assert process.communicate()[0].strip() == "1"
        assert process.returncode == 0


def test_a_folder_that_cannot_be_locked_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Some network file systems know no locks; a cache that several processes may damage is not used silently."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(SimulationError, match=r"cannot be locked \(No locks available\); set NEUROSIM_CACHE"),
        _alone(tmp_path / "a.lock"),
    ):
        raise AssertionError
