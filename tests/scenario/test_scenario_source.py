"""YAML text -> values with places, and every way in which it can fail to be YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.errors import ScenarioError
from neurosim.scenario.source import parse, read_file


def value(text: str) -> object:
    root, problems = parse(text, "f.yaml", lines=True)
    assert problems == []
    return root.plain()


def complaints(text: str) -> list[str]:
    return [str(problem) for problem in parse(text, "f.yaml", lines=True)[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("1E5", 1e5),
        (".5", 0.5),
        ("010", 10),
        ("0x10", 16),
        ("[1, 2]", [1, 2]),
        ("{a: b}", {"a": "b"}),
        ("true", True),
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2013-01-01", "2013-01-01"),
        ("~", None),
        ("", None),
        ("# only a comment", None),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("=", "="),
        ("1: 2", {"1": 2}),
    ],
)
def test_values_follow_yaml_1_2(text, expected):
    result = value(text)
    assert result == expected
    assert type(result) is type(expected)


def test_every_key_and_item_knows_its_line():
    text = "# comment\na: 1\nb:\n  c: [1,\n    2]\n  d:\n    - x\n    - e: 3\n"
    root, _ = parse(text, "f.yaml", lines=True)
    lines = {key: root.locate(key).line for key in ("a", "b", "b.c", "b.c.0", "b.c.1", "b.d", "b.d.0", "b.d.1.e")}
    assert lines == {"a": 2, "b": 3, "b.c": 4, "b.c.0": 4, "b.c.1": 5, "b.d": 6, "b.d.0": 7, "b.d.1.e": 8}


def test_an_unknown_key_has_the_place_of_the_nearest_key_above_it():
    root, _ = parse("a: 1\nb:\n  c: [1]\n", "f.yaml", lines=True)
    assert str(root.locate("b.c.7.x")) == "f.yaml:3"
    assert str(root.locate("b.nothing")) == "f.yaml:2"
    assert str(root.locate("nothing.at.all")) == "f.yaml:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", r"^f\.yaml:2: not valid YAML: found a tab where YAML takes only spaces\.$"),
        ("a: 1\nb: [1, 2", r"^f\.yaml:2: not valid YAML: a bracket or brace that is opened here is never closed"),
        ("a: 1\nb: [\n\n", r"^f\.yaml:2: .*the text ends where a value or a closing bracket is still expected"),
        ("a: 1\nb: 'x\n\n\n", r"^f\.yaml:2: not valid YAML: a quote that is opened here is never closed"),
        ("a: 1\nb\nc: 1", r"^f\.yaml:3: .*the line before has no ': ' between a key and its value"),
        ("a:1\nb: 2", r"^f\.yaml:2: .*a ':' may lack the space after it"),
        ("a: 1\n---\nb: 2", r"^f\.yaml:2: .*a file holds one document"),
        ("a: 1\nb: @x", r"^f\.yaml:2: .*put it in quotes"),
        ("a: ]", r"^f\.yaml:1: .*expected a value, found a stray bracket"),
        ("- a\nb: 1", r"^f\.yaml:2: .*check the indentation"),
        ("a: 1\nb: *x", r"^f\.yaml:2: .*undefined alias 'x'"),
        ("a: 1\nb: \x01", r"^f\.yaml:2: .*the character '\\x01' is not allowed; is this a text file\?$"),
        ("[" * 1500, r"^f\.yaml: lists or mappings are nested too deeply\.$"),
    ],
)
def test_text_that_is_not_yaml(text, message):
    with pytest.raises(ScenarioError, match=message):
        parse(text, "f.yaml", lines=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", ["f.yaml:3: a: this key is given twice; it stands on line 1 already."]),
        ("a:\n  b: 1\n  b: 2", ["f.yaml:3: a.b: this key is given twice; it stands on line 2 already."]),
        ("a: &x [*x]", ["f.yaml:1: a.0: this alias contains itself."]),
        ("m: !foo 3", ["f.yaml:1: m: found the tag !foo; only plain values are allowed."]),
        ("m: !!set {x}", ["f.yaml:1: m: found the tag !!set; only plain keys, lists and values are allowed."]),
        ("m: !!int z", ["f.yaml:1: m: 'z' does not fit its tag !!int."]),
        ("? [a]\n: 1", ["f.yaml:1: a key must be a word, not a list or a mapping."]),
        ("a: {<<: {b: 1}}", ["f.yaml:1: a: merge keys ('<<') are not part of YAML 1.2; write the keys out."]),
    ],
)
def test_yaml_that_is_no_plain_data(text, expected):
    assert complaints(text) == expected


def test_of_a_key_that_is_given_twice_the_first_counts():
    root, problems = parse("a: 1\na: 2", "f.yaml", lines=True)
    assert root.plain() == {"a": 1}
    assert len(problems) == 1


def test_values_of_the_command_line_have_no_lines():
    root, _ = parse("{a: [1, 2]}", "--set x", lines=False)
    assert str(root.locate("a.1")) == "--set x"
    with pytest.raises(ScenarioError, match=r"^--set x: not valid YAML: "):
        parse("[", "--set x", lines=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^f: the file is empty; it should hold keys such as 'name: value'\.$"),
        (b"# nothing\n", r"^f: the file is empty"),
        (b"# x\n- 1\n", r"^f:2: found a list, expected keys"),
        (b"just words", r"^f:1: found a single value, expected keys"),
        (b"\xff\xfe\x00", r"^f: is not text in UTF-8"),
    ],
)
def test_files_without_keys(tmp_path: Path, content, message):
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=message):
        read_file(path, "f")


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(ScenarioError, match=r"^f: cannot be read: No such file or directory\.$"):
        read_file(tmp_path / "none.yaml", "f")
    with pytest.raises(ScenarioError, match=r"^f: cannot be read: "):
        read_file(tmp_path, "f")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_file(path, "f")[0].plain() == {"a": 1}
