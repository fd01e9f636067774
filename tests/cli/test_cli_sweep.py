"""neurosim sweep: last lines, exit statuses, resumption, and what inspect says."""

from __future__ import annotations

import json

import numpy as np
import pytest

TEXT = """\
schema: 1
name: tiny
circuit: {layers: [2, 4, 2], activation: tanh}
data: {set: xor}
rule: {type: dual_propagation, alpha: 0.0, beta: 0.1}
dynamics: {solver: sweeps, max_steps: 200, tolerance: 1.0e-5}
analysis: {type: bias, samples: 4}
sweep:
  grid: {rule.beta: [0.1, 0.2], rule.variant: [original, transposed]}
"""


@pytest.fixture
def scenario(shell):
    (shell.folder / "tiny.yaml").write_text(TEXT)
    return "tiny.yaml"


def test_a_sweep_from_the_command_line(shell, scenario):
    """The last line on stdout is sweep.h5; the second call resumes; inspect tells keys and points."""
    done = shell("sweep", scenario, "--workers", "1")
    assert done.returncode == 0, done.stderr
    path = done.stdout.splitlines()[-1]
    assert path.startswith("results/tiny-sweep-")
    assert path.endswith("/sweep.h5")
    assert done.stderr.splitlines()[-1] == "tiny: 4 of 4 points done"
    again = shell("sweep", scenario, "--quiet")
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{path}\n", "")
    told = shell("inspect", path).stdout
    for line in ("rule.beta     beta: 0.1, 0.2", "rule.variant  variant: original, transposed", "in all  4 (2 x 2)"):
        assert line in told
    assert "/bias/relative_norm    2 x 2 x 6 x 5" in told


def test_a_run_does_not_look_at_the_sweep_and_validate_does(shell, scenario):
    done = shell("run", scenario, "-q", "-o", "a.h5")
    assert done.returncode == 0, done.stderr
    assert shell("validate", scenario).stdout.endswith("sweep of 4 points\n")
    (shell.folder / scenario).write_text(TEXT.replace("grid:", "gird:"))
    wrong = shell("validate", scenario)
    assert wrong.returncode == 2
    assert "tiny.yaml:9: sweep.gird: unknown key. Did you mean 'grid'?" in wrong.stderr
    (shell.folder / scenario).write_text(TEXT.replace("rule.beta:", "rule.betta:"))
    wrong = shell("validate", scenario)
    assert wrong.returncode == 2
    assert "tiny.yaml:9: rule.betta: unknown key. Did you mean 'beta'?" in wrong.stderr


def test_failures_have_status_3_and_counts_in_the_last_message(shell, scenario):
    done = shell("sweep", scenario, "-o", "s", "--workers", "1", "--grid", "dynamics.max_steps=1,200", "--quiet")
    assert done.returncode == 3
    assert done.stderr == "tiny: 8 of 8 points done, 4 with a bad status\n"
    assert done.stdout == "s/sweep.h5\n"


def test_usage_has_status_2(shell, scenario):
    shell("sweep", scenario, "-o", "s", "--workers", "1", "-q")
    other = shell("sweep", scenario, "-o", "s", "--set", "seed=1")
    assert other.returncode == 2
    assert "scenario.seed: 0 in the folder, 1 now" in other.stderr
    nothing = shell("sweep", scenario, "--set", "sweep=null")
    assert nothing.returncode == 2
    assert "there is nothing to sweep" in nothing.stderr


def test_failed_points_run_again_only_when_asked(shell, scenario):
    """A data file that is missing fails every point; when it is there, --retry-failed runs them."""
    file = ("--set", "data={set: file, path: some.npz}", "-o", "s", "--workers", "1", "-q")
    first = shell("sweep", scenario, *file)
    assert first.returncode == 3
    assert "0 of 4 points done, 4 failed" in first.stderr
    reasons = [json.loads(path.read_text())["reason"] for path in (shell.folder / "s" / "failed").iterdir()]
    assert all("some.npz" in reason for reason in reasons)
    inputs, labels = np.random.default_rng(0).random((40, 2)), np.arange(40) % 2
    np.savez(shell.folder / "some.npz", inputs=inputs, targets=labels)
    assert "4 failed" in shell("sweep", scenario, *file).stderr
    again = shell("sweep", scenario, *file, "--retry-failed")
    assert again.returncode == 0, again.stderr
