"""Commands as users give them, in folders of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import ruamel.yaml

SCENARIO = {
    "schema": 1,
    "name": "tiny",
    "seed": 3,
    "dtype": "float64",
    "circuit": {"use": "dyad_mlp", "layers": [64, 16, 10]},
    "data": {"set": "digits", "batch": 50},
    "rule": {"type": "dual_propagation", "alpha": 0.5, "beta": 0.1},
    "dynamics": {"solver": "sweeps", "max_steps": 30, "tolerance": 1e-5},
    "analysis": {
        "type": "train",
        "epochs": 2,
        "train_limit": 200,
        "test_limit": 50,
        "optimizer": {"type": "adam", "rate": 0.001},
    },
}


class Shell:
    """Runs `neurosim` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "neurosim", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, **options)

    def write(self, name: str = "tiny.yaml", **changes) -> str:
        """Write the tiny scenario with some sections replaced or, for a dict, updated."""
        content = {key: dict(value) if isinstance(value, dict) else value for key, value in SCENARIO.items()}
        for key, value in changes.items():
            content[key] = {**content[key], **value} if isinstance(value, dict) and key in content else value
        with open(self.folder / name, "w") as file:
            ruamel.yaml.YAML().dump(content, file)
        return name


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def shell_in() -> type[Shell]:
    """Make a shell in a folder that outlives a test."""
    return Shell
