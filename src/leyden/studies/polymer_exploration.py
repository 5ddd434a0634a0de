"""Study: polymer electrolytes explored by Bayesian optimisation (Xie's thesis, chapter 5)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from leyden.errors import InputError, LeydenError
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
    Option("campaigns", str, "", "folder of campaigns, which exists; default: one in the results"),
    Option("workers", int, 2, "simulations at a time, and processes of MOPAC; 1 in a quick run"),
    Option("repeats", int, 30, "worlds of the replays; 1 in a quick run"),
    Option(
        "simulate",
        int,
        1,
        "0: no LAMMPS; surrogates at once, and once both arms are complete also replays, kills "
        "of a known function and MOPAC, half an hour of processor the first time",
    ),
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
        No worker or no world; a folder of campaigns that does not exist.
    """
    for name, value in (("workers", workers), ("repeats", repeats)):
        if value < 1:
            raise InputError(f"{name} is one at least", value=value)
    if campaigns and not Path(campaigns).is_dir():
        raise InputError(
            "there is no such folder of campaigns",
            file=campaigns,
            remedy="correct --campaigns; or leave it out, and they are simulated into the folder "
            "of the results",
        )
    effort = Effort.shortest() if quick else Effort(repeats=repeats)
    home = Path(campaigns) if campaigns else out / "campaigns"
    workers = 1 if quick else workers  # a second one takes longer to start than it would help
    warnings = []
    if simulate:
        try:
            bring(home, effort, workers=workers, progress=progress)
        except LeydenError as error:  # what is there is told nevertheless
            warnings.append(f"not all was simulated: {error}")
    found = find(parts(home, effort), effort, home, out, workers=workers, progress=progress)
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
            sources.append(
                Source(name, part.finished, digest, origin="simulations made here with LAMMPS")
            )
    return sources
