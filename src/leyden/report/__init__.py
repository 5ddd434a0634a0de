"""A report: one HTML file that carries its figures, tables and style, and asks the net nothing."""

from __future__ import annotations

import base64
import errno
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from leyden.errors import InputError
from leyden.report.claims import Claim
from leyden.report.tables import format_interval, format_number, table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Claim", "Report", "Source", "write_together"]

_CODE = re.compile(r"`([^`]+)`")
_ID = re.compile(r'(\bid="|href="#|url\(#)')
_PNG_DPI = 160


@dataclass(frozen=True)
class Source:
    """A data set that a report rests on.

    Attributes
    ----------
    name : str
        Name in the catalogue.
    rows : int
        Rows used.
    sha256 : str or None
        Fingerprint of the data.
    licence, attribution, origin : str
        Under which terms, whom to thank, and where it came from (a DOI or a package).
    """

    name: str
    rows: int
    sha256: str | None = None
    licence: str = ""
    attribution: str = ""
    origin: str = ""


@dataclass
class _Section:
    heading: str
    blocks: list[dict[str, Any]] = field(default_factory=list)


class Report:
    """Text, tables and figures in reading order; every method returns the report.

    All text is escaped; only words between backticks become code.

    Parameters
    ----------
    title : str
    lead : str
        The finding in plain language: one paragraph, first on the page.

    Examples
    --------
    >>> report = Report("Moduli", "Transfer halves the error.").section("Data").text("Two sets.")
    >>> "<h2" in report.html()
    True
    """

    def __init__(self, title: str, lead: str) -> None:
        self.title, self.lead = title, lead
        self._sections: list[_Section] = []
        self._claims: tuple[Claim, ...] = ()
        self._sources: tuple[Source, ...] = ()
        self._warnings: tuple[str, ...] = ()
        self._footer: dict[str, str] = {}
        self._command = ""

    def section(self, heading: str) -> Report:
        """Begin a section; what follows stands in it."""
        self._sections.append(_Section(heading))
        return self

    def text(self, *paragraphs: str) -> Report:
        """Add paragraphs."""
        return self._add("text", paragraphs=[_prose(words) for words in paragraphs])

    def table(
        self,
        frame: pd.DataFrame,
        *,
        caption: str,
        units: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        uncertainties: Mapping[str, str] | None = None,
        digits: int = 4,
    ) -> Report:
        """Add a sortable table; the parameters are those of `leyden.report.tables.table`."""
        cells = table(frame, units=units, names=names, uncertainties=uncertainties, digits=digits)
        return self._add("table", caption=_prose(caption), table=cells)

    def figure(
        self, figure: Figure, *, caption: str, alt: str, command: str | None = None
    ) -> Report:
        """Add a matplotlib figure, as SVG or PNG, whichever is smaller.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
        caption : str
        alt : str
            What the figure shows, for those who cannot see it.
        command : str, optional
            The command that makes the figure; the command of the report when absent.
        """
        if not alt.strip():
            raise InputError(
                "a figure needs a text that replaces it", remedy="say in `alt` what it shows"
            )
        number = 1 + sum(b["kind"] == "figure" for s in self._sections for b in s.blocks)
        return self._add(
            "figure",
            image=_image(figure, alt, f"f{number}-"),
            width=round(figure.get_figwidth() * 96),
            caption=_prose(caption.rstrip(". ") + "."),
            number=number,
            command=command,
        )

    def claims(self, claims: Sequence[Claim]) -> Report:
        """Set the claims, shown right below the lead."""
        self._claims = tuple(claims)
        return self

    def sources(self, sources: Sequence[Source]) -> Report:
        """Set the data sources, shown after the sections."""
        self._sources = tuple(sources)
        return self

    def warnings(self, warnings: Sequence[str]) -> Report:
        """Set the warnings, shown below the claims."""
        self._warnings = tuple(warnings)
        return self

    def provenance(
        self,
        *,
        command: str,
        version: str,
        commit: str | None = None,
        seconds: float | None = None,
        cpu_seconds: float | None = None,
    ) -> Report:
        """Set the footer, and the command that captions name, if it is short."""
        self._command = command
        parts = {
            "Leyden": version,
            "commit": commit or "",
            "wall time": "" if seconds is None else _duration(seconds),
            "processor time": "" if cpu_seconds is None else _duration(cpu_seconds),
        }
        self._footer = {name: text for name, text in parts.items() if text}
        return self

    def html(self) -> str:
        """The page as text."""
        environment = Environment(
            loader=PackageLoader("leyden", "report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(number=format_number, value_with_interval=format_interval)
        return environment.get_template("page.html.j2").render(
            title=self.title,
            lead=_prose(self.lead),
            claims=self._claims,
            verdict=_verdict(self._claims),
            warnings=[_prose(warning) for warning in self._warnings],
            sections=self._sections,
            sources=self._sources,
            command=self._command,
            footer=self._footer,
            style=_beside("page.css"),
            script=_beside("page.js"),
        )

    def write(self, path: str | Path) -> Path:
        """Write the page; it is there as a whole or not at all.

        Raises
        ------
        InputError
            When the folder cannot be written, or the disk is full.
        """
        path = Path(path)
        write_together(path.parent, {path.name: self.html()})
        return path

    def _add(self, kind: str, **content: Any) -> Report:
        if not self._sections:
            raise InputError(
                "text, tables and figures stand in a section", remedy="call `section` first"
            )
        self._sections[-1].blocks.append({"kind": kind, **content})
        return self


def write_together(folder: str | Path, texts: Mapping[str, str]) -> None:
    """Write files of one folder such that an error leaves all of them as they were.

    Every text is first written in full beside its place and then moved there.

    Parameters
    ----------
    folder : path
        Made when it is not there.
    texts : mapping of file name to content

    Raises
    ------
    InputError
        When the folder cannot be written, or the disk is full.
    """
    folder = Path(folder)
    beside = {name: folder / f".{name}.{os.getpid()}.part" for name in texts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if (folder / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{name} is a folder")
            with open(beside[name], "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for name, part in beside.items():
            os.replace(part, folder / name)
    except OSError as error:
        raise InputError(
            f"cannot write {' and '.join(texts)}: {error.strerror or error}",
            file=folder,
            remedy="choose a folder that can be written and has room",
        ) from error
    finally:
        for part in beside.values():
            if os.path.lexists(part):
                part.unlink()


def _image(figure: Figure, alt: str, prefix: str) -> Markup:
    """Inline SVG or base64 PNG of a figure, whichever takes fewer characters."""
    import matplotlib

    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": prefix, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", dpi=_PNG_DPI, metadata=nothing)
    drawing = _inline_svg(buffer.getvalue().decode("utf-8"), alt, prefix)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    picture = Markup('<img alt="{}" src="data:image/png;base64,{}">').format(alt, data)
    return min(drawing, picture, key=len)


def _inline_svg(text: str, alt: str, prefix: str) -> Markup:
    """The `<svg>` element alone, named for readers of screens, its ids unique on the page."""
    opening, rest = text[text.index("<svg") :].strip().split(">", 1)
    view = re.search(r'viewBox="[^"]*"', opening)
    rest = re.sub(r"<metadata>.*?</metadata>\s*", "", rest, flags=re.DOTALL)
    label = f'<svg role="img" aria-label="{escape(alt)}" {view.group() if view else ""}>'
    return Markup(label + _ID.sub(rf"\g<1>{prefix}", rest))


def _prose(words: str) -> Markup:
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(words))))


def _verdict(claims: Sequence[Claim]) -> str:
    counts = {
        "holding": sum(claim.holds is True for claim in claims),
        "not holding": sum(claim.holds is False for claim in claims),
        "not measured": sum(claim.measured is None for claim in claims),
        "without a bound": sum(
            claim.holds is None and claim.measured is not None for claim in claims
        ),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _beside(name: str) -> Markup:
    return Markup((Path(__file__).parent / name).read_text(encoding="utf-8"))
