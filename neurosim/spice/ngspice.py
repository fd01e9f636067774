"""One ngspice process per netlist, and what it wrote."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import NgspiceError, NgspiceMissingError

Array = npt.NDArray[Any]

RAW_FILE = "ngspice.raw"
TOLD_LINES = 20  # of what ngspice said, in an error


@dataclass(frozen=True)
class Answer:
    """What ngspice found.

    Parameters
    ----------
    vectors : dict of str to ndarray
        Voltages by name, such as ``v(out)``, and the time; of an operating point they have one value.
    analysis_seconds : float
        Time of its analysis as it prints it; NaN where it prints none.
    process_seconds : float
        Time of the whole process.
    """

    vectors: dict[str, Array]
    analysis_seconds: float
    process_seconds: float


def run_ngspice(netlist: str, timeout: float) -> Answer:
    """Run a netlist that saves to `RAW_FILE`.

    Parameters
    ----------
    netlist : str
        Its text.
    timeout : float
        Longest time to wait, in s.

    Raises
    ------
    NgspiceMissingError
        If ngspice is not on the PATH.
    NgspiceError
        If it takes too long, or writes no result; with what it said.
    """
    program = shutil.which("ngspice")
    if program is None:
        raise NgspiceMissingError(
            "ngspice is not on the PATH. Install it (Debian and Ubuntu: apt-get install ngspice), or write the netlist "
            "with `neurosim spice export` and run it elsewhere."
        )
    with tempfile.TemporaryDirectory(prefix="neurosim-spice-") as folder:
        Path(folder, "circuit.cir").write_text(netlist, encoding="ascii")
        start = time.perf_counter()
        try:
            done = subprocess.run(
                [program, "-b", "circuit.cir"], cwd=folder, capture_output=True, text=True, timeout=timeout,
                stdin=subprocess.DEVNULL, errors="replace", check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise NgspiceError(f"ngspice did not end within {timeout:g} s. Allow it more with --timeout.") from late
        seconds = time.perf_counter() - start
        said = done.stdout + done.stderr
        raw = Path(folder, RAW_FILE)
        if done.returncode != 0 or not raw.exists() or _failed(said):
            told = "\n".join(_telling(said)[-TOLD_LINES:])
            raise NgspiceError(f"ngspice failed with exit status {done.returncode}. It said:\n{told}")
        printed = re.search(r"Total analysis time \(seconds\)\s*[=:]\s*([-+.\deE]+)", said)
        return Answer(read_raw(raw.read_bytes()), float(printed[1]) if printed else float("nan"), seconds)


def _failed(said: str) -> bool:
    return re.search(r"(?i)simulation\(s\) aborted|iteration limit reached|timestep too small", said) is not None


def _telling(said: str) -> list[str]:
    """Return the lines that tell of an error, or all where none does."""
    lines = [line for line in said.splitlines() if line.strip()]
    return [line for line in lines if re.search(r"(?i)error|abort|singular|unknown|converge|limit", line)] or lines


def read_raw(content: bytes) -> dict[str, Array]:
    """Return the real vectors of the first plot in a binary raw file.

    Raises
    ------
    NgspiceError
        If it is none.
    """
    head, found, body = content.partition(b"Binary:\n")
    text = head.decode("ascii", errors="replace")
    sizes = [re.search(rf"No\. {what}:\s*(\d+)", text) for what in ("Variables", "Points")]
    if not found or None in sizes or "Flags: real" not in text:
        raise NgspiceError("ngspice wrote a raw file of a kind that is not known here: not binary, or not real.")
    variables, points = (int(size[1]) for size in sizes if size)
    names = [line.split()[1] for line in text.partition("Variables:\n")[2].splitlines()[:variables]]
    if len(body) < 8 * variables * points:
        raise NgspiceError("ngspice wrote a raw file that ends too early.")
    values = np.frombuffer(body, "<f8", variables * points).reshape(points, variables)
    return {name.lower(): values[:, i].copy() for i, name in enumerate(names)}
