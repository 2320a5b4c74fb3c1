"""A document as one HTML file: no script, nothing from elsewhere."""

from functools import singledispatch
from html import escape
from string import Template

from ._document import Bullets, Cell, Figure, Paragraph, Table

_PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
@page{size:A4;margin:16mm 15mm}
body{margin:0;background:#fff}
</style>
</head>
<body>
$fragment
</body>
</html>
"""
)

_FRAGMENT = Template(
    """<style>$style</style>
<div class="skswu-report" lang="en">
<header><h1>$title</h1><p class="sub">$subtitle</p></header>
<nav aria-label="Sections"><ol>$links</ol></nav>
<main>$sections</main>
</div>"""
)

_SECTION = Template(
    """<section aria-labelledby="$key"><h2 id="$key">$title</h2>
<p class="question">$question</p>
$blocks</section>
"""
)

_TABLE = Template(
    """<div class="wide" role="region" aria-label="$label" tabindex="0"><table$short>
<caption>$caption</caption>
<thead><tr>$head</tr></thead>
<tbody>$body</tbody>
</table></div>
"""
)

#: A table of at most so many rows stays on one page of paper.
_SHORT_TABLE = 24

_STYLE = """
.skswu-report{color-scheme:light;box-sizing:border-box;max-width:54rem;margin:0 auto;
padding:1.5rem;background:#fff;color:#1a1a1a;text-align:left;
font:16px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
.skswu-report *{box-sizing:border-box}
.skswu-report h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem;color:inherit}
.skswu-report h2{font-size:1.25rem;line-height:1.3;margin:2.2rem 0 .1rem;color:inherit;
border-top:2px solid #1a1a1a;padding-top:.5rem}
.skswu-report p{margin:.6rem 0}
.skswu-report .sub,.skswu-report .question,.skswu-report .note,
.skswu-report figcaption,.skswu-report .interval{color:#4a4a4a}
.skswu-report .sub{margin:0 0 1rem}
.skswu-report .question{margin:0 0 .8rem;font-style:italic}
.skswu-report .note,.skswu-report figcaption{font-size:.875rem}
.skswu-report .lead{font-size:1.1rem;font-weight:400}
.skswu-report nav ol{columns:2;padding-left:0;margin:.5rem 0;list-style:none}
.skswu-report a{color:#0b4f9c}
.skswu-report .wide{overflow-x:auto;margin:.8rem 0 .4rem}
.skswu-report table{border-collapse:collapse;width:100%;margin:0;font-size:.875rem;
font-variant-numeric:tabular-nums;color:inherit}
.skswu-report caption{caption-side:top;text-align:left;font-weight:600;padding:.3rem 0;
color:inherit}
.skswu-report th,.skswu-report td{padding:.3rem .7rem .3rem 0;text-align:left;
vertical-align:top;background:none;border:0;border-bottom:1px solid #c8c8c8}
.skswu-report tr,.skswu-report tr:hover{background:none!important;
color:inherit!important}
.skswu-report thead th{border-bottom:2px solid #1a1a1a;vertical-align:bottom}
.skswu-report tbody th{font-weight:400;min-width:7em;overflow-wrap:break-word}
.skswu-report .n{text-align:right}
.skswu-report th:last-child,.skswu-report td:last-child{padding-right:0}
.skswu-report .n+td:not(.n),.skswu-report .n+th:not(.n){padding-left:.5rem}
.skswu-report td.text:last-child{min-width:11em;overflow-wrap:anywhere}
.skswu-report .interval{display:block;font-size:.86em;white-space:nowrap}
.skswu-report figure{margin:1rem 0;overflow-x:auto}
.skswu-report figure svg{display:block;width:100%;min-width:30rem;max-width:44rem;
height:auto}
.skswu-report li{margin:.3rem 0}
.skswu-report nav li{margin:0;padding:.1rem 0;break-inside:avoid}
@media(max-width:40rem){.skswu-report{padding:1rem}.skswu-report nav ol{columns:1}}
@media print{
.skswu-report{font-size:10pt;max-width:none;padding:0}
.skswu-report h1{font-size:17pt}.skswu-report h2{font-size:13pt}
.skswu-report .lead{font-size:11pt}.skswu-report table{font-size:8pt}
.skswu-report .note,.skswu-report figcaption{font-size:8.5pt}
.skswu-report .wide,.skswu-report figure{overflow:visible}
.skswu-report th,.skswu-report td{padding-right:.5em}
.skswu-report h2,.skswu-report .question,.skswu-report caption{break-after:avoid}
.skswu-report tr,.skswu-report figure,.skswu-report .short,.skswu-report p,
.skswu-report li{break-inside:avoid}
.skswu-report thead{display:table-header-group}
.skswu-report nav{display:none}
.skswu-report a{color:inherit;text-decoration:none}}
"""


def page(document):
    """Return a document as a page of its own."""
    return _PAGE.substitute(title=escape(document.title), fragment=fragment(document))


def fragment(document):
    """Return a document as a part of another page, which it leaves alone."""
    links = "".join(
        f'<li><a href="#{_anchor(section)}">{escape(section.title)}</a></li>'
        for section in document.sections
    )
    return _FRAGMENT.substitute(
        style=_STYLE,
        title=escape(document.title),
        subtitle=escape(document.subtitle),
        links=links,
        sections="".join(map(_section, document.sections)),
    )


def _anchor(section):
    return f"report-{section.key}"


def _section(section):
    return _SECTION.substitute(
        key=_anchor(section),
        title=escape(section.title),
        question=escape(section.question),
        blocks="".join(map(_block, section.blocks)),
    )


@singledispatch
def _block(block):
    raise TypeError(f"{type(block).__name__} cannot be written as HTML.")


@_block.register(Paragraph)
def _(block):
    role = f' class="{block.role}"' if block.role else ""
    return f"<p{role}>{escape(block.text)}</p>\n"


@_block.register(Bullets)
def _(block):
    items = "".join(f"<li>{escape(item)}</li>\n" for item in block.items)
    return f"<ul>{items}</ul>\n"


@_block.register(Figure)
def _(block):
    caption = f"<figcaption>{escape(block.caption)}</figcaption>"
    if block.svg is None:
        label = escape(block.label)
        return f'<figure><p class="note">{label}</p>{caption}</figure>\n'
    return f"<figure>{block.svg}{caption}</figure>\n"


@_block.register(Table)
def _(block):
    head = "".join(
        f'<th scope="col"{_kind(block, position)}>{escape(text)}</th>'
        for position, text in enumerate(block.columns)
    )
    return _TABLE.substitute(
        label=escape(block.caption, quote=True),
        short=' class="short"' if len(block.rows) <= _SHORT_TABLE else "",
        caption=escape(block.caption),
        head=head,
        body="\n".join(_row(block, row) for row in block.rows),
    )


def _row(table, row):
    header, *others = row
    cells = "".join(
        f"<td{_kind(table, position)}>{_cell(cell)}</td>"
        for position, cell in enumerate(others, start=1)
    )
    return f'<tr><th scope="row">{_cell(header)}</th>{cells}</tr>'


def _kind(table, position):
    return ' class="text"' if table.is_text(position) else ' class="n"'


def _cell(cell):
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    strong = f"<strong>{escape(cell.strong)}</strong>" if cell.strong else ""
    interval = (
        f'<span class="interval">{escape(cell.interval)}</span>'
        if cell.interval
        else ""
    )
    gap = " " if cell.text and strong else ""
    return f"{escape(cell.text)}{gap}{strong}{interval}"
