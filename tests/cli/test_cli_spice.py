"""`neurosim spice`: export and verify as commands, with their exit statuses."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CLAMP = str(Path(__file__).resolve().parents[2] / "circuits" / "diode_clamp.yaml")

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def test_export_writes_once(shell):
    """The path is the last line; a second time needs --force; --set and --inputs reach the netlist."""
    options = (CLAMP, "-o", "a.cir", "--set", "elements.R1.ohms=2k", "--inputs", "0.25,-1", "--beta", "1e-3")
    done = shell("spice", "export", *options)
    assert (done.returncode, done.stdout) == (0, "a.cir\n"), done.stderr
    text = (shell.folder / "a.cir").read_text()
    assert "\nr1 in1 a 2000.0\n" in text
    assert "\nv_in1 in1 0 0.25\n" in text
    assert "\nr_nudge_o1 o1 y_o1 1000.0\n" in text
    again = shell("spice", "export", *options)
    assert again.returncode == 2
    assert "'a.cir' exists already. Use --force" in again.stderr
    assert shell("spice", "export", *options, "--force").returncode == 0


def test_export_to_nowhere(shell):
    done = shell("spice", "export", CLAMP, "-o", "nowhere/a.cir")
    assert done.returncode == 2
    assert "'nowhere/a.cir' cannot be written" in done.stderr


@needs_ngspice
def test_verify(shell):
    """Both comparisons are printed, and both are good."""
    done = shell("spice", "verify", CLAMP)
    assert done.returncode == 0, done.stderr
    rest, ramp = done.stdout.splitlines()
    assert rest.startswith("operating point: 4 nodes, largest difference ")
    assert ramp.startswith("transient: 4 nodes at ")


@needs_ngspice
def test_verify_fails(shell):
    """The two programs differ by 3e-7 in kT/q, which at an emission coefficient of 30 is above the bound."""
    late = shell("spice", "verify", CLAMP, "--set", "elements.D1.n=30", "--inputs", "50,-1")
    assert late.returncode == 3, late.stdout
    assert "ABOVE the bound" in late.stdout


@needs_ngspice
def test_verify_gives_up(shell):
    """An ngspice that takes longer than allowed is a failure with a reason."""
    done = shell("spice", "verify", CLAMP, "--transient", "1f,100u", "--timeout", "0.5")
    assert done.returncode == 3
    assert "transient: ngspice did not end within 0.5 s" in done.stderr


def test_verify_without_ngspice(shell):
    done = shell("spice", "verify", CLAMP, env={**os.environ, "PATH": ""})
    assert done.returncode == 2
    assert "ngspice is not on the PATH" in done.stderr
