"""``sweep.h5``: the figures of all points of a sweep in one file, made anew at any time from the folder's runs.

Attributes of the root: `neurosim_version`, `schema`, `name`, `run_id` (of the sweep), `analysis` = ``"sweep"``,
`point_analysis` (what every point did: ``"bias"``, ``"train"``), `scenario` (the base as YAML), `sweep` (the section as
JSON), `seed`, `created`, `command`, `sweep_dimensions` (names, space between), `points`, `done`, `failed`, `missing`,
`unsettled` (counts), `status` (``"finished"``: every point has a good result; else ``"failed"``, or ``"missing"`` where
points have not run yet) and `message`, a sentence.

Dimensions of the sweep, at the root, in the order of `sweep_dimensions`:

- one per key of the grid, with its values as coordinate: the last part of the dotted key, ``beta`` for ``rule.beta``,
  or more parts, ``rule_beta``, where that name is taken by another key, or by an array or dimension of the results;
- ``point``, counted from 0, for points of zip, list, random, sobol and lhs; their keys are arrays [point], named alike.

Each of these arrays of values has the attribute `key`, the dotted key. Numbers stay numbers; truth values, lists,
mappings and null are text, as JSON.

Arrays at the root, over all dimensions of the sweep: `status` (int8, with `flag_values` and `flag_meanings`: those of a
relaxation, then ``missing`` and ``failed``), `run_id`, `wall_seconds` (NaN where there is none).

Arrays of the results keep group and name: ``/bias/relative_norm[<sweep>, term, block]``, ``/nudges/error``. What goes in
is decided by size: every array of numbers, of at most 500 per point, none of whose dimensions is a sample, a time, a
unit, an input or an output; conductances stay in the runs. Of an array over epochs only ``final_<name>``, its value
after the last epoch, is kept and, for losses and errors, ``best_<name>``, the smallest: ``/train/final_test_error``,
``/train/best_test_error``. Numbers are float64, NaN where missing; arrays of statuses are int8, ``missing`` where
missing. Where points have different labels along a dimension, as blocks of circuits of different depth, it has them all.
"""
