"""--set KEY=VALUE: where a value lands, and what is said when it cannot land anywhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.errors import ScenarioError
from neurosim.scenario.overrides import apply, read_override
from neurosim.scenario.source import parse
from neurosim.scenario.tree import Node

TEXT = "a: 1\nb:\n  c: 2\n  d: {e: 3, f: [4, {g: 5}]}\nn:\n"


def root(text: str = TEXT) -> Node:
    return parse(text, "f.yaml", lines=True)[0]


def changed(*options: str) -> dict:
    node = root()
    for option in options:
        node = apply(node, read_override(option))
    return node.plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("[1,2]", [1, 2]),
        ("{a: b}", {"a": "b"}),
        ("true", True),
        ("null", None),
        ("", None),
        ("word", "word"),
        ("'1'", "1"),
        ("a=b", "a=b"),
    ],
)
def test_values_are_yaml(text, value):
    assert read_override(f"k.l={text}").node.plain() == value


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("a=9", ["a"], 9),
        ("b.c=9", ["b", "c"], 9),
        ("b.d.f.0=9", ["b", "d", "f", 0], 9),
        ("b.d.f.1.g=9", ["b", "d", "f", 1, "g"], 9),
        ("b.d={x: 1}", ["b", "d"], {"x": 1}),
        ("new.deep.key=9", ["new", "deep", "key"], 9),
        ("n.x=9", ["n", "x"], 9),
        (" b.c =9", ["b", "c"], 9),
    ],
)
def test_a_value_lands_at_its_key_and_nothing_else_changes(option, path, value):
    expected = root().plain()
    at = expected
    for part in path[:-1]:
        at[part] = at.get(part) or {} if isinstance(at, dict) else at[part]
        at = at[part]
    at[path[-1]] = value
    assert changed(option) == expected


def test_the_last_of_two_values_for_one_key_counts():
    assert changed("a=5", "a=6")["a"] == 6


def test_a_changed_value_is_placed_at_its_option_and_its_neighbours_stay_where_they_are():
    node = apply(apply(root(), read_override("b.d={x: {y: 1}}")), read_override("p.q=2"))
    assert str(node.locate("b.d.x.y")) == "--set b.d"
    assert str(node.locate("p")) == "--set p.q"
    assert str(node.locate("p.q.r")) == "--set p.q"
    assert str(node.locate("b.c")) == "f.yaml:3"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("beta", r"^--set beta: found no '='; write KEY=VALUE, for instance rule\.beta=0\.1\.$"),
        ("=1", r"^--set =1: the key '' has an empty part"),
        ("a..b=1", r"^--set a\.\.b=1: the key 'a\.\.b' has an empty part"),
        ("a=[1", r"^--set a=\[1: not valid YAML: a bracket or brace that is opened here is never closed\.$"),
        ("a={b: 1, b: 2}", r"^--set a={b: 1, b: 2}: b: this key is given twice\.$"),
        ("a.x=1", r"^--set a\.x=1: 'a' is the single value 1; it has no key 'x'\.$"),
        ("b.d.f.2=1", r"^--set b\.d\.f\.2=1: the list 'b\.d\.f' has the items 0 to 1; there is no item '2'\.$"),
        ("b.d.f.-1=1", r"^--set b\.d\.f\.-1=1: .*there is no item '-1'\.$"),
        ("b.d.f.x=1", r"^--set b\.d\.f\.x=1: .*there is no item 'x'\.$"),
    ],
)
def test_options_that_cannot_be_used(option, message):
    with pytest.raises(ScenarioError, match=message):
        changed(option)


def test_an_empty_list_has_no_items_to_change():
    with pytest.raises(ScenarioError, match=r"the list 'a' is empty; there is no item '0'\.$"):
        apply(root("a: []"), read_override("a.0=1"))


KEYS = st.text("abcdefgh_", min_size=1, max_size=4)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | KEYS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(tree=st.dictionaries(KEYS, VALUES), path=st.lists(KEYS, min_size=1, max_size=4), value=VALUES)
def test_random_values_land_where_they_should(tree, path, value):
    before = parse(json.dumps(tree), "f.yaml", lines=True)[0]
    option = read_override(f"{'.'.join(path)}={json.dumps(value)}")
    at, open_way = tree, True
    for part in path[:-1]:
        at = at.get(part) if isinstance(at, dict) else at
        open_way = open_way and (at is None or isinstance(at, dict))
        at = {} if at is None else at
    if not open_way:
        with pytest.raises(ScenarioError, match="--set "):
            apply(before, option)
        return
    after = apply(before, option).plain()
    assert before.plain() == tree
    found = after
    for part in path:
        found = found[part]
    assert found == value
    assert {key: item for key, item in after.items() if key != path[0]} == {
        key: item for key, item in tree.items() if key != path[0]
    }
