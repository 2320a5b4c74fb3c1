"""Formulas as MathML, which browsers draw by themselves, without a script or a network.

The conversion is that of docutils. A formula that it cannot read is a warning, with the
place where it stands.
"""

from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def visit_math(self, node):
    """Write a formula in a line of text."""
    self.body.append(_mathml(node, as_block=False))
    _skip(node)


def visit_displaymath(self, node):
    """Write a formula of its own, with its number if it has one."""
    number = ""
    if node["number"]:
        number = f'<span class="eqno">({node["number"]})</span>'
    self.body.append(self.starttag(node, "div", CLASS="math-display"))
    self.body.append(f"{number}{_mathml(node, as_block=True)}</div>")
    _skip(node)


def _mathml(node, as_block):
    formula = node.astext()
    try:
        return latex2mathml.tex2mathml(formula, as_block=as_block)
    except MathError as error:
        logger.warning("formula %r: %s", formula, error, location=node)
        return ""


def _skip(node):
    from docutils import nodes

    raise nodes.SkipNode


def setup(app):
    """Make it the one that ``html_math_renderer = "mathml"`` names."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
