"""Sphinx: the pages of this folder and the API from the docstrings."""

from deepnet.version import __version__

project = "deepnet"
author = "the deepnet authors"
release = __version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
autosummary_imported_members = True
autosummary_ignore_module_all = False
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
html_theme = "alabaster"
html_title = f"deepnet {release}"
templates_path = ["_templates"]
exclude_patterns = ["_build"]
