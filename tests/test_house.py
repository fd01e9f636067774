"""The house keeps its shape: imports go down, files stay small, everything public is documented."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from neurosim import registry

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "neurosim"
MODULES = sorted(PACKAGE.rglob("*.py"))
REGISTRIES = [value for value in vars(registry).values() if isinstance(value, registry.Registry)]

# What each part of the package may import, besides itself. Settings modules are the light part of a package: the
# declarations of its keys; other layers may read them.
BASE = {"errors", "jit", "lookup", "registry", "seeds", "settings", "workers"}
LIGHT = {"errors", "lookup", "registry", "settings"}  # what `neurosim validate` can afford
ALLOWED = {
    "__main__": {"cli"},
    "cli": BASE | {"sweep", "analysis", "scenario", "results", "plots", "spice", "dynamics.status"},
    "spice": BASE | {"dynamics", "physics", "scenario"},
    "sweep": BASE | {"analysis", "scenario", "results", "datasets", "dynamics.status"},
    "analysis": BASE | {"learning", "dynamics", "physics", "noise", "scenario", "results", "datasets"},
    "learning": BASE | {"dynamics", "physics", "noise"},
    "dynamics": BASE | {"physics.dynamical_system", "physics.system", "noise"},
    "physics": BASE | {"noise"},
    "noise": {"errors", "jit", "seeds"},
    "scenario": LIGHT,
    "datasets": LIGHT | {"seeds"},
    "results": {"errors"},
    "plots": {"errors", "registry", "results.reader"},
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> set[str]:
    """Return the neurosim modules that a file imports, wherever the import stands, without the leading name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "neurosim":
            inner = node.module.split(".")[1:]
            found |= {".".join(inner)} if inner else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("neurosim.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_go_down(path):
    """cli -> sweep -> analysis -> learning -> (dynamics, physics) -> base; the other packages are leaves."""
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part in BASE | {"__init__"}:
        return
    for module in imports_of(path):
        inside = module.split(".")[0] == part
        permitted = any(module == name or module.startswith(name + ".") for name in ALLOWED[part])
        assert inside or permitted or module == "__version__", f"{name_of(path)} imports neurosim.{module}"


def test_the_base_imports_nothing_above_it():
    """The modules at the root know nothing of what is built on them, and little of each other."""
    known = {"lookup": {"errors"}, "registry": {"lookup"}, "jit": {"errors"}}
    for part in BASE:
        assert imports_of(PACKAGE / f"{part}.py") <= known.get(part, set()), part
    assert imports_of(PACKAGE / "__init__.py") == set()


def test_settings_cost_nothing_but_pydantic():
    """The settings of every registered name together import no numerical library: `validate` may need any of them."""
    code = (
        "import sys\nfrom neurosim import registry\n"
        "tables = [t for t in vars(registry).values() if isinstance(t, registry.Registry)]\n"
        "print(sum(t.settings(name) is not None for t in tables for name, entry in t.items() if entry.settings))\n"
        "print([name for name in ('numpy', 'numba', 'h5py', 'matplotlib', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    count, heavy = done.stdout.splitlines()
    assert int(count) > 10
    assert heavy == "[]"


def test_one_module_builds_what_a_scenario_describes():
    """Only analysis/setup.py turns names of solvers, circuits and rules into objects."""
    builders = {
        name_of(path) for path in MODULES if re.search(r"\b(SOLVERS|CIRCUIT_KINDS|RULES)\.load\(", path.read_text())
    }
    assert builders == {"neurosim/analysis/setup.py"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_stay_small(path):
    """One concept per file, none above 400 lines."""
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_is_documented(path):
    """Modules, classes, functions and methods whose names do not start with an underscore have docstrings."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{name_of(path)} has no docstring"
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        if any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list):
            continue  # the implementation below has the docstring of all
        assert ast.get_docstring(node), f"{name_of(path)}: {node.name} has no docstring"
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                assert ast.get_docstring(inner), f"{name_of(path)}: {node.name}.{inner.name} has no docstring"


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"except (Base)?Exception\b", "an error must be one that is expected"),
        (r"except\s*:", "an error must be one that is expected"),
        (r"nan_to_num", "hides divergence"),
        (r"fastmath\s*=\s*True", "isfinite(nan) becomes true"),
        (r"\b(TODO|FIXME|XXX)\b", "belongs into an issue"),
        (r"\bimport pickle\b|allow_pickle\s*=\s*True", "results are not programs"),
        (r"np\.random\.(seed|rand|randn|normal)\b", "draws come from neurosim.seeds"),
    ],
)
def test_nothing_forbidden(pattern, reason):
    """Constructs that hide errors or make results irreproducible are not in the package."""
    found = [name_of(path) for path in MODULES if re.search(pattern, path.read_text())]
    assert not found, f"{reason}: {found}"


def test_library_code_does_not_print():
    """Only the command line talks to people."""
    for path in MODULES:
        if "cli" in path.parts:
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"], name_of(path)


@pytest.mark.parametrize("table", REGISTRIES, ids=lambda table: table.kind)
def test_every_registered_name_leads_somewhere(table):
    """Targets and settings of every entry can be imported, and every entry says what it is."""
    for name, entry in table.items():
        assert table.load(name) is not None
        assert entry.summary.endswith("."), f"{table.kind} {name}"
        if entry.settings:
            assert table.settings(name).__doc__


def test_setup_lists_every_package():
    """Packages are listed one by one, because circuits and scenarios live outside the package folder."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in MODULES if path.name == "__init__.py"}
    assert listed == there | {"neurosim.circuits", "neurosim.scenarios"}


def test_packages_are_only_folders():
    """`__init__` files hold a docstring and nothing that would be imported on the way to something else."""
    for path in MODULES:
        if path.name == "__init__.py" and path.parent != PACKAGE:
            assert len(ast.parse(path.read_text()).body) == 1, name_of(path)


def test_names_of_test_files_are_unique():
    """There are no packages among the tests, so two files of one name would hide each other."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)


def test_no_path_of_a_machine():
    """Nothing refers to a folder that only the machine of its author has."""
    places = re.compile("|".join(f"/{place}/[a-z]" for place in ("work", "home", "tmp", "root", "Users")))
    texts = [*MODULES, *(ROOT / "tests").rglob("*.py"), *ROOT.glob("circuits/*.yaml"), *ROOT.glob("scenarios/*.yaml")]
    assert not [name_of(path) for path in texts if places.search(path.read_text())]


def test_flags_of_numba_stand_in_one_file():
    """No module but jit.py decorates with Numba itself; options of overload come from there too."""
    for path in MODULES:
        if path.name != "jit.py":
            assert not re.search(r"@(numba\.)?n?jit\b|numba\.njit|prange", path.read_text()), name_of(path)
