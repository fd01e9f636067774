"""Keys of analysis robustness: every message, also of a rule inside a variant."""

from __future__ import annotations

import pytest

from neurosim.scenario.json_schema import scenario_schema

ANALYSIS = (
    "  type: train\n  epochs: 2\n",
    "  type: robustness\n  epochs: 2\n  fgsm: [0.1]\n  variants:\n"
    "    - name: plain\n    - name: dual\n      rule: {type: dual_propagation}\n",
)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("fgsm: [0.1]", "pgd: []", "13: analysis: there is no attack; give the sizes of attacks in fgsm, in pgd, or in "
         "both."),
        ("fgsm: [0.1]", "fgsm: [0.2, 0.1]", "16: analysis.fgsm: the sizes must increase, found 0.2, 0.1."),
        ("fgsm: [0.1]", "pgd: [0.1, 0.1]", "16: analysis.pgd: the sizes must increase, found 0.1, 0.1."),
        ("fgsm: [0.1]", "fgsm: [0.0]", "16: analysis.fgsm.0: found 0.0, must be greater than 0."),
        ("fgsm: [0.1]", "fgsm: [0.1]\n  pgd_steps: 0", "17: analysis.pgd_steps: found 0, must be at least 1."),
        ("fgsm: [0.1]", "fgsm: [0.1]\n  pgd_step: 0", "17: analysis.pgd_step: found 0, must be greater than 0."),
        ("fgsm: [0.1]", "fgsm: [0.1]\n  input_range: [1, 0]",
         "17: analysis.input_range: the highest input must lie above the lowest, found 1 to 0."),
        ("fgsm: [0.1]", "fgsm: [0.1]\n  hold: 2.0",
         "17: analysis.hold: with plasticity per_batch a batch stays until it has settled"),
        ("name: plain", "name: dual", "17: analysis.variants: two variants are called 'dual'; give each its own name."),
        ("name: plain", "adversarial: 0.1",
         "18: analysis.variants.0.name: missing, and it has no default. Meaning: What it is called in results and "
         "plots."),
        ("name: plain", "name: plain\n      adversarial: -0.1",
         "19: analysis.variants.0.adversarial: found -0.1, must be at least 0."),
        ("name: plain", "name: plain\n      aversarial: 0.1",
         "19: analysis.variants.0.aversarial: unknown key. Did you mean 'adversarial'? Known keys of "
         "analysis.variants.0: adversarial, name, rule."),
        ("{type: dual_propagation}", "{type: dual_propagation, alpha: 2}",
         "20: analysis.variants.1.rule.alpha: found 2, must be at most 1."),
        ("{type: dual_propagation}", "{type: dual_propagatio}",
         "20: analysis.variants.1.rule.type: unknown rule 'dual_propagatio'. Did you mean 'dual_propagation'? Known: "),
        ("{type: dual_propagation}", "dual_propagation",
         "20: analysis.variants.1.rule: found the name by itself; write {type: dual_propagation}."),
        ("{type: dual_propagation}", "{type: equilibrium}",
         "20: analysis.variants.1.rule.type: equilibrium nudges one compartment after the other, in phases; "),
        ("{type: dual_propagation}", "{type: dual_propagation, variant: damped}",
         "20: analysis.variants.1.rule.variant: damping would move the fixed points of 'tanh' units. "),
    ],
)  # fmt: skip
def test_each_mistake_gives_one_line(problems, old, new, line):
    (found,) = problems(ANALYSIS, (old, new))
    assert found.startswith(f"mine.yaml:{line}")


def test_a_variant_without_a_rule_has_that_of_the_scenario(load):
    plain, dual = load(ANALYSIS).scenario.analysis.variants
    assert plain.rule is None
    assert dual.rule.alpha == 0.5


def test_the_resolved_scenario_reads_back(load, folder):
    loaded = load(ANALYSIS)
    assert load(text=loaded.to_yaml()).run_id == loaded.run_id


def test_variants_change_the_identity_of_a_run(load):
    assert load(ANALYSIS).run_id != load(ANALYSIS, ("name: plain", "name: simple")).run_id


def test_editors_know_the_rules_of_a_variant():
    schema = scenario_schema()
    rules, null = schema["$defs"]["Variant"]["properties"]["rule"]["anyOf"]
    known = [entry for entry in schema["properties"]["rule"]["anyOf"] if "$ref" in entry]
    assert rules == {"anyOf": known}
    assert null == {"type": "null"}
