"""How much the study `polymer-exploration` simulates and replays."""

from __future__ import annotations

from dataclasses import dataclass, field

from leyden.exploration.evaluators import PolymerSimulation

__all__ = ["Effort"]

#: As small and as hot as shows that everything works: three lithium at most, which move at once.
_TINY = {
    "chains": 2,
    "monomers": 7,
    "temperature_K": 700.0,
    "dielectric": 100.0,
    "epsilon_cation_chain": 0.4,
}


def _others() -> tuple[PolymerSimulation, ...]:
    return PolymerSimulation("backbone", 1.0), PolymerSimulation("secondary site", 1.0)


@dataclass(frozen=True)
class Effort:
    """Sizes of all campaigns, and of what is made of them.

    Attributes
    ----------
    anion : PolymerSimulation
        Of the space in which two arms are compared.
    others : tuple of PolymerSimulation
        Of the spaces that are explored beside it.
    shared, proposed, random : int
        Random rows that both arms have, rows of the optimisation, more of the random arm.
    batch : int
        Rows proposed at once.
    replicates, along, reference, slow : int
        Simulations of the best row of each arm, along one parameter, of the reference, of a slow
        row.
    salt_seeds : int
        Simulations of each of four salts.
    other_shared, other_proposed : int
        Random and proposed rows of each other space.
    lengths_ns : tuple of float
        First parts of the runs that are judged for themselves.
    repeats, initial, most : int
        Of replays: worlds, first random rows, evaluations of the random arm.
    kills, kill_evaluations : int
        Of the campaign that is killed again and again; 0 kills for none.
    folds : int
        Of held-out predictions; 0 for none.
    draws : int
        Sets of factors by which salts are compared.
    decode : bool
        Whether the catalogue of anions is ranked.
    quick : bool
    """

    anion: PolymerSimulation = field(default_factory=PolymerSimulation)
    others: tuple[PolymerSimulation, ...] = field(default_factory=_others)
    shared: int = 50
    proposed: int = 60
    random: int = 60
    batch: int = 4
    replicates: int = 6
    along: int = 12
    reference: int = 6
    slow: int = 6
    salt_seeds: int = 4
    other_shared: int = 20
    other_proposed: int = 20
    lengths_ns: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    repeats: int = 30
    initial: int = 8
    most: int = 100
    kills: int = 20
    kill_evaluations: int = 60
    folds: int = 10
    draws: int = 200
    decode: bool = True
    quick: bool = False

    @classmethod
    def shortest(cls) -> Effort:
        """As little as shows that everything works."""
        tiny = {
            "production_ns": 0.08,
            "fixed": _TINY,
            "compression_ns": 0.01,
            "relaxation_ns": 0.01,
        }
        return cls(
            anion=PolymerSimulation("anion", **tiny),  # type: ignore[arg-type]
            others=(PolymerSimulation("secondary site", **tiny),),  # type: ignore[arg-type]
            shared=4,
            proposed=1,
            random=1,
            batch=1,
            replicates=2,
            along=2,
            reference=2,
            slow=1,
            salt_seeds=1,
            other_shared=2,
            other_proposed=1,
            lengths_ns=(0.08,),
            repeats=1,
            initial=4,
            most=6,
            kills=0,
            folds=0,
            draws=20,
            decode=False,
            quick=True,
        )
