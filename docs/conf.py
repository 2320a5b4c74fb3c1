"""Sphinx configuration: ``make html`` in this folder builds the documentation.

The gallery runs in its quick mode, with few rows; ``SKSWU_QUICK=0 make html`` runs it
in full. ``SPHINXOPTS="-t online" make html`` also links to the documentation of other
projects, for which it fetches their indices.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("SKSWU_QUICK", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import skswu

project = "skswu"
author = "The skswu developers"
copyright = author
version = release = skswu.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "offline_math",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
if tags.has("online"):  # noqa: F821 - Sphinx defines it
    extensions.append("sphinx.ext.intersphinx")

exclude_patterns = ["_build", "_templates", "_extensions", "**/README.rst"]
templates_path = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = "literal"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

intersphinx_mapping = {
    "fairlearn": ("https://fairlearn.org/main/", None),
    "matplotlib": ("https://matplotlib.org/stable/", None),
    "numpy": ("https://numpy.org/doc/stable/", None),
    "pandas": ("https://pandas.pydata.org/docs/", None),
    "python": ("https://docs.python.org/3/", None),
    "sklearn": ("https://scikit-learn.org/stable/", None),
    "skorch": ("https://skorch.readthedocs.io/en/stable/", None),
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "gen_modules/backreferences",
    "doc_module": ("skswu",),
    "reference_url": {"skswu": None},
    "within_subsection_order": "gallery_order.GalleryOrder",
    "download_all_examples": False,
    "show_memory": False,
    # That page would load its scripts from elsewhere.
    "write_computation_times": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
}
if find_spec("peft") is None:
    # It is shown, but not run, where the extra "examples" is not installed.
    sphinx_gallery_conf["filename_pattern"] = r"plot_(?!transformer)"

# What is copied are the lines that one types, without prompts and output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "skswu"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    # The guide, the examples and the reference first; the others behind "More".
    "header_links_before_dropdown": 5,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"changelog": [], "index": [], "mathematics": []}
html_show_sourcelink = False


def join_continued_lines(app, what, name, obj, options, lines):
    """Let a backslash at the end of a line continue it in raw docstrings as well."""
    for position in range(len(lines) - 2, -1, -1):
        if lines[position].endswith("\\"):
            rest = lines.pop(position + 1).lstrip()
            lines[position] = lines[position][:-1] + rest


def skip_inherited_requests(app, what, name, obj, skip, options):
    """Leave out the routing methods whose text is scikit-learn's."""
    return True if name.endswith("_request") else None


def setup(app):
    # Before numpydoc, which parses the sections.
    app.connect("autodoc-process-docstring", join_continued_lines, priority=100)
    app.connect("autodoc-skip-member", skip_inherited_requests)
