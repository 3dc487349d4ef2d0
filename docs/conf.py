"""Settings of Sphinx, which `make docs` runs; see its page "Configuration"."""

project = "Leukemia cells"
extensions = ["myst_parser"]
myst_heading_anchors = 3
root_doc = "navigation"
html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
