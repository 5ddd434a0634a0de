"""Study: polymer electrolytes explored by Bayesian optimisation (Xie's thesis, chapter 5)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from leyden.errors import InputError, MissingExtraError
from leyden.studies import Option, Source, StudyResult
from leyden.studies.exploration_campaigns import bring, parts
from leyden.studies.exploration_claims import claims
from leyden.studies.exploration_effort import Effort
from leyden.studies.exploration_findings import Findings, find
from leyden.studies.exploration_report import build_report

__all__ = ["NAME", "OPTIONS", "TITLE", "run"]

NAME = "polymer-exploration"
TITLE = "Polymer electrolytes explored by Bayesian optimisation of a coarse-grained simulation"
OPTIONS = (
    Option("campaigns", str, "", "folder of the campaigns; default: campaigns in that of results"),
    Option("workers", int, 2, "simulations at a time"),
    Option("repeats", int, 30, "worlds of the replays"),
    Option("simulate", int, 1, "0: tell what is there, and simulate nothing"),
)


def run(
    out: Path,
    *,
    quick: bool,
    progress: bool,
    campaigns: str,
    workers: int,
    repeats: int,
    simulate: int,
) -> StudyResult:
    """Bring the campaigns to their goals, then tell what they found; may be stopped at any time.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    campaigns, workers, repeats, simulate
        As in `OPTIONS`.

    Raises
    ------
    InputError
        No worker or no world; a campaign of another simulation; five simulations in succession
        have failed.
    """
    for name, value in (("workers", workers), ("repeats", repeats)):
        if value < 1:
            raise InputError(f"{name} is one at least", value=value)
    effort = Effort.shortest() if quick else Effort(repeats=repeats)
    home = Path(campaigns) if campaigns else out / "campaigns"
    warnings = []
    if simulate:
        try:
            bring(home, effort, workers=1 if quick else workers, progress=progress)
        except MissingExtraError as error:
            warnings.append(f"nothing was simulated: {error}")
    found = find(parts(home, effort), effort, home, out, workers=workers)
    return StudyResult(
        NAME,
        build_report(TITLE, found),
        claims(found),
        _sources(found),
        [*warnings, *found.warnings],
    )


def _sources(found: Findings) -> list[Source]:
    """The campaigns by the tables of their rows."""
    sources = []
    for part in found.parts.values():
        if part.campaign is not None:
            table = part.campaign.history().to_csv(index=False)
            name = part.role.path(Path()).stem
            digest = sha256(table.encode()).hexdigest()
            sources.append(Source(name, part.finished, digest, origin="simulated here, LAMMPS"))
    return sources
