"""Shipped files by name, own files by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.errors import ScenarioError, UnknownNameError
from neurosim.scenario.load import load_circuit, load_scenario
from neurosim.scenario.shipped import CIRCUITS, SCENARIOS, Library, is_path, show


def test_shipped_files_are_found_by_name_from_anywhere(folder: Path):
    assert SCENARIOS.find("dyad_digits").name == "dyad_digits.yaml"
    assert "dyad_mlp" in CIRCUITS.names()


@pytest.mark.parametrize("name", SCENARIOS.names())
def test_every_shipped_scenario_is_valid(name):
    assert load_scenario(name).scenario.schema_version == 1


@pytest.mark.parametrize("name", CIRCUITS.names())
def test_every_shipped_circuit_is_valid(name):
    assert load_circuit(name).circuit.kind


@pytest.mark.parametrize("library", [SCENARIOS, CIRCUITS], ids=lambda library: library.folder_name)
def test_every_shipped_file_has_a_line_for_the_list(library: Library):
    summaries = library.summaries()
    assert tuple(summaries) == library.names()
    assert all(len(line) > 10 and "\n" not in line for line in summaries.values())


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("# One line.\nname: x\n", "One line."),
        ("# A sentence that\n# goes on. Another one.\nname: x\n", "A sentence that goes on."),
        ("name: x\ndescription: What it is.\n", "What it is."),
        ("name: x\n", ""),
    ],
)
def test_the_line_for_the_list(tmp_path: Path, monkeypatch, text, summary):
    (tmp_path / "one.yaml").write_text(text)
    monkeypatch.setattr(Library, "folder", lambda self: tmp_path)
    assert SCENARIOS.summaries() == {"one": summary}


@pytest.mark.parametrize(
    ("name", "path"), [("a", False), ("a.b", False), ("a.yaml", True), ("a.yml", True), ("x/a", True), ("./a", True)]
)
def test_what_looks_like_a_path_is_one(name, path):
    assert is_path(name) is path


def test_an_unknown_name_shows_the_nearest_and_all_known_ones(folder: Path):
    message = r"^unknown scenario 'dyad_digit'\. Did you mean 'dyad_digits'\? Known: .*dyad_digits.*; or give a path\.$"
    with pytest.raises(UnknownNameError, match=message):
        SCENARIOS.find("dyad_digit")
    with pytest.raises(ScenarioError, match=r"^unknown scenario 'dyad_digit'\..*\n1 error; nothing was run\.$"):
        load_scenario("dyad_digit")
    with pytest.raises(ScenarioError, match=r"^unknown circuit 'dyad_mpl'\. Did you mean 'dyad_mlp'\?"):
        load_circuit("dyad_mpl")


def test_a_name_that_is_a_file_in_the_working_folder_says_how_to_write_it(folder: Path):
    (folder / "mine.yaml").write_text("a: 1")
    with pytest.raises(UnknownNameError, match=r"For your own file write 'mine\.yaml'\."):
        SCENARIOS.find("mine")


def test_a_missing_file_shows_the_nearest_beside_it(folder: Path):
    (folder / "mine.yaml").write_text("a: 1")
    with pytest.raises(ScenarioError, match=r"^there is no file 'mien\.yaml'\. Did you mean 'mine\.yaml'\?$"):
        SCENARIOS.find("mien.yaml")
    with pytest.raises(ScenarioError, match=r"^there is no file 'no/where\.yaml'\.$"):
        SCENARIOS.find("no/where.yaml")


def test_paths_are_shown_from_the_working_folder_or_in_full(folder: Path):
    assert show(folder / "a" / "b.yaml") == str(Path("a") / "b.yaml")
    assert show(folder.parent / "b.yaml") == str(folder.parent / "b.yaml")
