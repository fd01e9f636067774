"""Every message that validation can give, read as a user reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from neurosim.registry import ANALYSES, CIRCUIT_KINDS, DATASETS, RULES, SOLVERS
from neurosim.scenario.messages import explain
from neurosim.scenario.schema import Scenario
from neurosim.scenario.trace import fields
from neurosim.settings import Settings


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def keys_of(settings: type[Settings]) -> str:
    return listed(key for key in fields(settings) if key != "type")


# What is registered or declared may grow; the messages should name it all.
RULE_KEYS = f"Known keys of dual_propagation: {keys_of(RULES.settings('dual_propagation'))}."
KNOWN_DATA, KNOWN_RULES, KNOWN_SOLVERS = listed(DATASETS), listed(RULES), listed(SOLVERS)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        # unknown keys
        ("beta: 0.2", "betta: 0.2", f"10: rule.betta: unknown key. Did you mean 'beta'? {RULE_KEYS}"),
        ("beta: 0.2", "BETA: 0.2", f"10: rule.BETA: unknown key. Did you mean 'beta'? {RULE_KEYS}"),
        ("beta: 0.2", "zzz: 0.2", f"10: rule.zzz: unknown key. {RULE_KEYS}"),
        (
            "dual_propagation\n  beta",
            "backprop\n  beta",
            "10: rule.beta: unknown key. Known keys of backprop: feedback_learning, homeostasis.",
        ),
        (
            "seed: 3",
            "sede: 3",
            f"3: sede: unknown key. Did you mean 'seed'? Known keys of a scenario: {listed(fields(Scenario))}.",
        ),
        (
            "activation: tanh",
            "init: {gian: 2}",
            "6: circuit.init.gian: unknown key. Did you mean 'gain'? Known keys of circuit.init: gain, type.",
        ),
        (
            "rate: 0.001",
            "rate: 0.001, momentum: 0.9",
            "16: analysis.optimizer.momentum: unknown key. "
            "Known keys of adam: beta1, beta2, decay, epsilon, rate, rates, weight_decay.",
        ),
        # wrong types
        ("32, 10]", "many, 10]", "5: circuit.layers.1: found 'many' (text), expected an integer."),
        ("seed: 3", "seed: '3'", "3: seed: found '3' (text), expected an integer; write it without quotes."),
        ("seed: 3", "seed: true", "3: seed: found true, expected an integer."),
        ("seed: 3", "seed: 3.0", "3: seed: found 3.0, expected an integer; write 3."),
        ("seed: 3", "seed: 3.5", "3: seed: found 3.5, expected an integer."),
        ("seed: 3", "seed:", "3: seed: found nothing (null), expected an integer."),
        ("seed: 3", "seed: [1]", "3: seed: found a list of 1 item, expected an integer."),
        (
            "beta: 0.2",
            "beta: '1e-3'",
            "10: rule.beta: found '1e-3' (text), expected a number; write it without quotes.",
        ),
        ("beta: 0.2", "beta: 1,5", "10: rule.beta: found '1,5' (text), expected a number."),
        ("beta: 0.2", "beta: false", "10: rule.beta: found false, expected a number."),
        ("beta: 0.2", "beta: {a: 1}", "10: rule.beta: found keys (a), expected a number."),
        ("beta: 0.2", "beta: {}", "10: rule.beta: found an empty mapping, expected a number."),
        ("name: good", "name: 3", "2: name: found 3, expected text."),
        ("[64, 32, 10]", "64", "5: circuit.layers: found 64, expected a list."),
        ("activation: tanh", "init: 3", "6: circuit.init: found 3, expected keys with values: gain, type."),
        (
            "epochs: 2",
            "epochs: 2\n  log_gradient_alignment: yes",
            "16: analysis.log_gradient_alignment: found 'yes' (text), expected true or false; write true.",
        ),
        (
            "epochs: 2",
            "epochs: 2\n  log_gradient_alignment: 1",
            "16: analysis.log_gradient_alignment: found 1, expected true or false.",
        ),
        ("schema: 1", "schema: true", "1: schema: found true, expected a number."),
        # bounds
        ("beta: 0.2", "alpha: 1.5", "10: rule.alpha: found 1.5, must be at most 1."),
        ("beta: 0.2", "alpha: -0.5", "10: rule.alpha: found -0.5, must be at least 0."),
        ("beta: 0.2", "beta: 0", "10: rule.beta: found 0, must be greater than 0."),
        ("beta: 0.2", "beta: .inf", "10: rule.beta: found inf, expected a finite number."),
        ("beta: 0.2", "beta: .nan", "10: rule.beta: found nan, expected a finite number."),
        (
            "seed: 3",
            "seed: 9223372036854775808",
            "3: seed: found 9223372036854775808, must be at most 9223372036854775807.",
        ),
        (
            "type: adam, rate",
            "type: momentum, momentum: 1, rate",
            "16: analysis.optimizer.momentum: found 1, must be less than 1.",
        ),
        ("[64, 32, 10]", "[64]", "5: circuit.layers: found 1 item, needs at least 2."),
        ("[64, 32, 10]", "[]", "5: circuit.layers: found 0 items, needs at least 2."),
        ("64, 32", "0, 32", "5: circuit.layers.0: found 0, must be at least 1."),
        ("name: good", f"name: {'x' * 101}", "2: name: found 101 characters, takes at most 100."),
        (
            "name: good",
            "name: a b",
            "2: name: found 'a b' (text). Allowed: Letters, digits, '-', '_' and '.', from a letter or digit on; "
            "result files start with it.",
        ),
        ("{set: digits}", "{set: mnist, path: ''}", "7: data.path: found 0 characters, needs at least 1."),
        # names
        (
            "tanh",
            "tnah",
            "6: circuit.activation: found 'tnah', did you mean 'tanh'? Allowed: identity, relu, hard_sigmoid, tanh, "
            "sigmoid, shifted_sigmoid, silu, dsilu, softplus.",
        ),
        ("activation: tanh", "neuron: 3", "6: circuit.neuron: found 3. Allowed: point, dyad."),
        (
            "activation: tanh",
            "neuron: DYAD",
            "6: circuit.neuron: found 'DYAD', did you mean 'dyad'? Allowed: point, dyad.",
        ),
        ("schema: 1", "schema: 2", "1: schema: found 2, must be 1."),
        (
            "type: dual_propagation",
            "type: dual_propogation",
            f"9: rule.type: unknown rule 'dual_propogation'. Did you mean 'dual_propagation'? Known: {KNOWN_RULES}.",
        ),
        (
            "type: dual_propagation\n  ",
            "",
            f"8: rule.type: missing; it names the rule. Known: {KNOWN_RULES}.",
        ),
        (
            "solver: sweeps",
            "solver: [1]",
            f"12: dynamics.solver: found a list of 1 item, expected the name of a solver. Known: {KNOWN_SOLVERS}.",
        ),
        (
            "solver: sweeps",
            "solver: rk5",
            f"12: dynamics.solver: unknown solver 'rk5'. Did you mean 'rk4'? Known: {KNOWN_SOLVERS}.",
        ),
        (
            "{set: digits}",
            "{set: digit}",
            f"7: data.set: unknown dataset 'digit'. Did you mean 'digits'? Known: {KNOWN_DATA}.",
        ),
        (
            "activation: tanh",
            "kind: layerd",
            f"6: circuit.kind: unknown circuit kind 'layerd'. Did you mean 'layered'? Known: {listed(CIRCUIT_KINDS)}.",
        ),
        (
            "type: train",
            "type: trian",
            f"14: analysis.type: unknown analysis 'trian'. Did you mean 'train'? Known: {listed(ANALYSES)}.",
        ),
        (
            "type: adam",
            "type: adm",
            "16: analysis.optimizer.type: found 'adm', did you mean 'adam'? Allowed: adam, adamw, momentum, sgd.",
        ),
        ("type: adam, ", "", "16: analysis.optimizer.type: missing. Allowed: adam, adamw, momentum, sgd."),
        ("{set: digits}", "digits", "7: data: found the name by itself; write {set: digits}."),
        (
            "{set: digits}",
            "[1]",
            f"7: data: found a list of 1 item, expected keys, at least 'set' with the dataset: {KNOWN_DATA}.",
        ),
        # missing keys
        ("data: {set: digits}\n", "", f"1: data: missing; this section needs at least 'set': {KNOWN_DATA}."),
        ("name: good\n", "", "1: name: missing, and it has no default. Meaning: Letters, digits"),
        (
            "  epochs: 2\n",
            "",
            "13: analysis.epochs: missing, and it has no default. Meaning: Passes over the training samples.",
        ),
        (", rate: 0.001", "", "16: analysis.optimizer.rate: missing, and it has no default. Meaning: Learning rate."),
        # what the settings classes say themselves
        (
            "activation: tanh",
            "imperfections: {asymmetry: {}}",
            "6: circuit.imperfections.asymmetry: give exactly one of angle_deg and relative_sd.",
        ),
        (
            "solver: sweeps",
            "solver: newton\n  tolerance: null",
            "11: dynamics: newton needs a tolerance: an equilibrium solver has no end time to stop at.",
        ),
        (
            "{set: digits}",
            "{set: file, path: x.csv}",
            "7: data.path: found the ending '.csv', allowed are .npz, .h5, .hdf5.",
        ),
    ],
)
def test_one_mistake_gives_one_line(problems, old, new, line):
    found = problems((old, new))
    assert len(found) == 1, found
    assert found[0].startswith(f"mine.yaml:{line}")
    assert found[0].endswith(".")


def test_all_mistakes_are_shown_at_once_in_the_order_of_the_file(problems):
    lines = problems(
        ("seed: 3", "seed: x"),
        ("tanh", "tnah"),
        ("beta: 0.2", "betta: 0.2\n  alpha: 2"),
        ("solver: sweeps", "solver: euler"),
        ("epochs: 2", "epochs: 0"),
        overrides=("circuit.tau=-1",),
    )
    assert [line.split(": ")[:2] for line in lines] == [
        ["mine.yaml:3", "seed"],
        ["mine.yaml:6", "circuit.activation"],
        ["mine.yaml:10", "rule.betta"],
        ["mine.yaml:11", "rule.alpha"],
        ["mine.yaml:12", "dynamics.dt"],
        ["mine.yaml:12", "dynamics.t_end"],
        ["mine.yaml:16", "analysis.epochs"],
        ["--set circuit.tau", "circuit.tau"],
    ]


def test_no_message_uses_the_words_of_the_library(problems):
    text = "\n".join(
        problems(text="schema: x\nname: [1]\ncircuit: 3\ndata: {set: x}\nrule: 1\ndynamics: {}\nanalysis:\n")
    )
    for word in ("pydantic", "http", "Input", "valid ", "type=", "Literal", "tuple", "str", "dict", "None"):
        assert word not in text


class Left(Settings):
    type: Literal["left"]
    left: float = 0.0


class Right(Settings):
    type: Literal["right"]
    up: Literal[1, 2] = 1


class Odd(Settings):
    """Shapes of declarations that no section has today."""

    plain: float | tuple[float, ...] = 0.0
    pair: tuple[int, float] = (1, 1.0)
    table: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    sides: tuple[Annotated[Left | Right, Field(discriminator="type")], ...] = ()
    side: Annotated[Left | Right, Field(discriminator="type")] | None = None
    even: int = Field(0, multiple_of=2)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ({"plain": "x"}, [("plain", "found 'x' (text), expected a number or a list.")]),
        ({"plain": [1, "x"]}, [("plain.1", "found 'x' (text), expected a number.")]),
        ({"pair": [1, "x"]}, [("pair.1", "found 'x' (text), expected a number.")]),
        ({"pair": [1]}, [("pair.1", "missing, and it has no default.")]),
        ({"table": {"a": -1}}, [("table.a", "found -1, must be at least 0.")]),
        ({"table": 3}, [("table", "found 3, expected keys with values.")]),
        (
            {"sides": [{"type": "left", "lift": 1}]},
            [("sides.0.lift", "unknown key. Did you mean 'left'? Known keys of left: left.")],
        ),
        ({"sides": [{"type": "left", "left": "x"}]}, [("sides.0.left", "found 'x' (text), expected a number.")]),
        ({"sides": [{"type": "lift"}]}, [("sides.0.type", "found 'lift', did you mean 'left'? Allowed: left, right.")]),
        ({"side": {"type": "right", "up": 3}}, [("side.up", "found 3. Allowed: 1, 2.")]),
        ({"even": 3}, [("even", "found 3, must be a multiple of 2.")]),
    ],
)
def test_declarations_of_other_shapes(data, lines):
    with pytest.raises(ValidationError) as caught:
        Odd.model_validate(data)
    assert explain(caught.value.errors(include_url=False), Odd, data) == lines


def test_an_error_that_we_have_no_words_for_still_says_what_was_found():
    class Pathological(Settings):
        when: Annotated[str, Field(json_schema_extra=None)] | bytes = ""

    with pytest.raises(ValidationError) as caught:
        Pathological.model_validate({"when": 3})
    ((key, message),) = explain(caught.value.errors(include_url=False), Pathological, {"when": 3})
    assert key == "when"
    assert message.startswith("found 3")
