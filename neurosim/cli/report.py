"""`neurosim report`: a result as one HTML page that can be sent to somebody, with nothing beside it."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import h5py

GOOD = ("settled", "finished")
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }}
h1 {{ font-size: 1.5em }}
h2 {{ font-size: 1.15em; margin-top: 2em }}
table {{ border-collapse: collapse }}
th, td {{ text-align: left; vertical-align: top; padding: 0.15em 1.2em 0.15em 0; overflow-wrap: anywhere }}
th {{ font-weight: normal; color: #666; white-space: nowrap }}
img {{ max-width: 100% }}
pre {{ background: #f5f5f5; padding: 1em; overflow: auto; font-size: 13px }}
.bad {{ color: #B03A00; font-weight: bold }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def report(
    result: Annotated[Path, typer.Argument(help="A result file, or the folder of a sweep.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Page, ending in .html; default beside the result.")
    ] = None,
) -> None:
    """Write RESULT as one HTML page: status, key figures, plot, provenance. The last line on stdout is its path."""
    from neurosim.errors import ResultFileError
    from neurosim.results.reader import open_result

    if result.is_dir():
        if not (result / "sweep.h5").exists():
            raise ResultFileError(
                f"{result}: is a folder without a sweep.h5; give a result file or the folder of a sweep."
            )
        result = result / "sweep.h5"
    page = output or result.with_suffix(".html")
    _check_page(page)
    with open_result(result) as file:
        content = render(file)
    try:
        page.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ResultFileError(f"{page}: cannot be written: {error.strerror or error}.") from error
    typer.echo(page)


def render(file: h5py.File) -> str:
    """Return the page of an open result file: the same bytes for the same file."""
    from neurosim.cli.inspect import ROOT, arrays, key_figures
    from neurosim.results.reader import text

    sweep = text(file.attrs["analysis"]) == "sweep"
    sections = [_status(file), _section("Plot", _plot(file))]
    figures = [] if sweep else key_figures(file)
    if figures:
        sections.insert(1, _section("Key figures", _table(figures)))
    origin = [(name, text(file.attrs[name])) for name in ROOT if name in file.attrs]
    origin += [(f"{what}_seconds", f"{file.attrs[f'{what}_seconds']:.2f} s") for what in ("wall", "compile")
               if f"{what}_seconds" in file.attrs]  # fmt: skip
    if "provenance" in file:
        origin += [(name, text(value)) for name, value in sorted(file["provenance"].attrs.items())]
    sections.append(_section("Provenance", _table(origin)))
    if "scenario" in file.attrs:
        sections.append(_section("Scenario", f"<pre>{escape(text(file.attrs['scenario']))}</pre>"))
    sections.append(_section("Arrays", _table(arrays(file))))
    title = escape(f"{text(file.attrs['name'])} ({text(file.attrs['run_id'])})")
    return PAGE.format(title=title, body="\n".join(sections))


def _status(file: h5py.File) -> str:
    """Return how the run ended and what it warns of, in a colour of its own where it did not end well."""
    from neurosim.results.reader import text

    status, message = text(file.attrs["status"]), text(file.attrs["message"])
    ending = f"{status}: {message}" if message else status
    mark = "" if status in GOOD else ' class="bad"'
    lines = [f"<p{mark}>{escape(ending)}</p>"]
    warning = text(file.attrs.get("warning", "")).removeprefix("warning: ")
    if warning:
        lines.append(f'<p class="bad">warning: {escape(warning)}</p>')
    return "\n".join(lines)


def _plot(file: h5py.File) -> str:
    """Return the overview of the file as an embedded picture, or why there is none."""
    from io import BytesIO

    from neurosim.errors import SimulationError
    from neurosim.plots.figure import draw_figure
    from neurosim.plots.style import styled

    try:
        figure = draw_figure(file)
    except SimulationError as error:
        return f"<p>{escape(str(error))}</p>"
    picture = BytesIO()
    with styled():
        figure.savefig(picture, format="png")
    return f'<img alt="overview" src="data:image/png;base64,{b64encode(picture.getvalue()).decode("ascii")}">'


def _section(title: str, content: str) -> str:
    return f"<h2>{title}</h2>\n{content}"


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows]
    return "\n".join(["<table>", *lines, "</table>"])


def _check_page(page: Path) -> None:
    """Refuse a name that is no page, before anything is drawn."""
    from neurosim.errors import ResultFileError, ScenarioError

    if page.suffix.lower() != ".html":
        found = f"found the ending '{page.suffix}'" if page.suffix else "found no ending"
        raise ScenarioError(f"{page}: {found}; the name of a report has to end in .html.")
    if not page.parent.is_dir():
        raise ResultFileError(f"{page}: cannot be written: there is no folder '{page.parent}'.")
