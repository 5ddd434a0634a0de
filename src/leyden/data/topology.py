"""What atoms are called: from a trajectory, a topology file, or the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leyden.errors import InputError, MissingExtraError, did_you_mean

__all__ = ["Topology", "names_of_atoms", "read_topology"]


class Topology(NamedTuple):
    """N atoms as a file has them.

    Attributes
    ----------
    labels : tuple of str, or None
        Elements, types or names.
    charges : ndarray, shape (N,), or None
        In units of e.
    molecules : ndarray, shape (N,), or None
    """

    labels: tuple[str, ...] | None
    charges: np.ndarray | None = None
    molecules: np.ndarray | None = None


def read_topology(path: Path, atoms: int, trajectory: object) -> Topology:
    """Elements (else types, else names), charges and molecules (else residues) of a file.

    Raises
    ------
    InputError
        The file cannot be read, or has another number of atoms than the trajectory.
    MissingExtraError
        MDAnalysis is not installed.
    """
    try:
        import MDAnalysis
    except ImportError as error:
        raise MissingExtraError("MDAnalysis", "md") from error
    if not path.is_file():
        raise InputError("a topology is a file", value=str(path), remedy="check its name")
    try:
        found = MDAnalysis.Universe(str(path), to_guess=()).atoms
    except (ValueError, OSError, LookupError) as error:
        raise InputError(
            f"a topology is a file that MDAnalysis reads: {error}",
            file=path,
            remedy="give a PSF, GRO, PDB or LAMMPS data file, or species",
        ) from error
    if len(found) != atoms:
        raise InputError(
            f"the topology has the {atoms} atoms of {trajectory}", value=len(found), file=path
        )
    labels = None
    for attribute in ("elements", "types", "names"):
        words = [str(word) for word in getattr(found, attribute, ())]
        if words and all(words):
            labels = tuple(words)
            break
    molecules = getattr(found, "molnums", getattr(found, "resids", None))
    return Topology(labels, getattr(found, "charges", None), molecules)


def names_of_atoms(
    topology: Topology,
    species: Sequence[str] | Mapping[Any, str] | None,
    atoms: int,
    file: object,
) -> tuple[str, ...]:
    """The names of all atoms, by the user's word where there is one.

    Raises
    ------
    InputError
        There are no names, another number of them, or a label that the mapping lacks.
    """
    if isinstance(species, str):
        raise InputError("species is a name for each atom, or a mapping", value=species)
    if species is not None and not isinstance(species, Mapping):
        if len(species) != atoms:
            raise InputError(f"species names the {atoms} atoms", value=len(species), file=file)
        return tuple(str(name) for name in species)
    if topology.labels is None:
        raise InputError(
            "atoms have names; the file has none",
            file=file,
            remedy="give topology, a file that has them, or species, a name for each atom",
        )
    if species is None:
        return topology.labels
    known = {str(label): str(name) for label, name in species.items()}
    for label in topology.labels:
        if label not in known:
            raise InputError(
                "species maps every label of the file to a name",
                value=label,
                file=file,
                remedy=did_you_mean(label, known),
            )
    return tuple(known[label] for label in topology.labels)
