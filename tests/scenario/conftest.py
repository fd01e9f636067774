"""Scenarios written to a temporary folder, which is also the working folder, so that messages name short paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neurosim.errors import ScenarioError
from neurosim.scenario.load import LoadedScenario, load_scenario

GOOD = """\
schema: 1
name: good
seed: 3
circuit:
  layers: [64, 32, 10]
  activation: tanh
data: {set: digits}
rule:
  type: dual_propagation
  beta: 0.2
dynamics:
  solver: sweeps
analysis:
  type: train
  epochs: 2
  optimizer: {type: adam, rate: 0.001}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Callable[..., LoadedScenario]:
    """Load a scenario from text; `change` gives (old, new) pairs to replace in the good one."""

    def load(*change: tuple[str, str], text: str = GOOD, overrides: tuple[str, ...] = ()) -> LoadedScenario:
        for old, new in change:
            assert old in text
            text = text.replace(old, new)
        (folder / "mine.yaml").write_text(text)
        return load_scenario("mine.yaml", overrides)

    return load


@pytest.fixture
def problems(load: Callable[..., LoadedScenario]) -> Callable[..., list[str]]:
    """Load like `load`, expect errors, and return them without the line that counts them."""

    def problems(*change: tuple[str, str], **options: object) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            load(*change, **options)
        *lines, last = str(caught.value).splitlines()
        assert last == f"{len(lines)} error{'' if len(lines) == 1 else 's'}; nothing was run."
        return lines

    return problems
