"""Where the reference electrolyte lies in each search space of the polymer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leyden.simulators.polymer_electrolyte import PolymerElectrolyte

__all__ = ["polymer_reference"]

#: A secondary site that is one more EO bead: chains with such sites are those of the reference.
_AS_THE_CHAIN = {
    "secondary_radius": "monomer_radius",
    "epsilon_secondary_cation": "epsilon_cation_chain",
    "epsilon_secondary_anion": "epsilon_anion_chain",
    "epsilon_secondary_chain": "epsilon_chain_chain",
    "epsilon_secondary_secondary": "epsilon_chain_chain",
}


def polymer_reference(
    names: Sequence[str], fixed: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Values of parameters in the coarse-grained PEO-LiTFSI.

    Parameters
    ----------
    names : sequence of str
        Parameters of `leyden.simulators.polymer_electrolyte.PolymerElectrolyte`.
    fixed : mapping of str to float, optional
        What differs from the reference in all rows.

    Examples
    --------
    >>> polymer_reference(["anion_radius", "epsilon_secondary_cation"])
    {'anion_radius': 2.9, 'epsilon_secondary_cation': 3.0}
    """
    electrolyte = PolymerElectrolyte.at(**(fixed or {}))
    return {name: getattr(electrolyte, _AS_THE_CHAIN.get(name, name)) for name in names}
