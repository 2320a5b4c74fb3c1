"""Private names of other packages are imported in one place."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skswu

ROOT = Path(skswu.__file__).parent
COMPATIBILITY = {"_compat.py", "_compat_torch.py"}
MODULES = sorted(ROOT.rglob("*.py"))


def is_private(dotted_name):
    parts = dotted_name.split(".")
    return any(part.startswith("_") and not part.startswith("__") for part in parts)


def private_imports(source):
    """Private names that a module imports from other packages."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [
        name for name in names if is_private(name) and name.split(".")[0] != "skswu"
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np", []),
        ("from __future__ import annotations", []),
        ("from ._base import _private", []),
        ("from sklearn.utils import _safe_indexing", ["sklearn.utils._safe_indexing"]),
        ("def f():\n    import scipy._lib as lib", ["scipy._lib"]),
        ("from sklearn.a._b import C, D", ["sklearn.a._b.C", "sklearn.a._b.D"]),
    ],
)
def test_private_imports_are_found(source, expected):
    assert private_imports(source) == expected


def test_only_the_compatibility_modules_import_private_names():
    found = {
        str(path.relative_to(ROOT)): names
        for path in MODULES
        if path.parent.name != "_utils" or path.name not in COMPATIBILITY
        if (names := private_imports(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_the_core_is_imported_without_torch():
    code = "import sys, skswu, skswu._utils._compat; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
