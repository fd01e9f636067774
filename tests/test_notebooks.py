"""Notebooks come in pairs: a script to read and review, and the same cells as a notebook to open. CI runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def cells_of_script(path: Path) -> list[tuple[str, str]]:
    """Return (kind, source) of every cell of a script in the percent format."""
    found = []
    for part in re.split(r"(?m)^# %%", path.read_text())[1:]:
        first, _, body = part.partition("\n")
        markdown = first.strip() == "[markdown]"
        body = re.sub(r"(?m)^# ?", "", body) if markdown else body
        found.append(("markdown" if markdown else "code", body.strip()))
    return found


def test_there_are_notebooks_and_each_is_a_pair():
    assert SCRIPTS
    assert {path.stem for path in SCRIPTS} == {path.stem for path in FOLDER.glob("*.ipynb")}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_both_halves_have_the_same_cells_and_no_outputs(script):
    """After an edit of the script: ``jupytext --to ipynb --set-kernel python3 notebooks/NAME.py``."""
    cells = json.loads(script.with_suffix(".ipynb").read_text())["cells"]
    assert [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in cells] == cells_of_script(script)
    assert not any(cell.get("outputs") for cell in cells)
