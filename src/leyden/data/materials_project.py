"""Electrodes and lithium crystals of the Materials Project, by its public interface.

The key is the user's own.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from leyden.data.crystal import Crystal
from leyden.data.home import data_home
from leyden.data.tidy import crystal_row, to_line, write_lines
from leyden.errors import InputError
from leyden.physics.electrodes import CHARGES, average_voltage

__all__ = ["fetch_electrodes", "fetch_lithium"]

_SERVER = "https://api.materialsproject.org"
_PAGE = 500  # documents a request
_IDS = 100  # material ids in one address
_PAIR_FIELDS = (
    "battery_id working_ion framework_formula id_charge id_discharge formula_charge"
    " formula_discharge average_voltage fracA_charge fracA_discharge capacity_grav capacity_vol"
    " max_delta_volume stability_charge stability_discharge"
)
_STRUCTURE_FIELDS = (
    "material_id formula_pretty symmetry nsites structure uncorrected_energy_per_atom"
    " formation_energy_per_atom energy_above_hull band_gap density volume total_magnetization"
    " bulk_modulus shear_modulus"
)


def fetch_electrodes(
    folder: Path, *, key: str | None = None, server: str = _SERVER, pages: Path | None = None
) -> None:
    """Write ``pairs.csv.gz`` and ``structures.jsonl.gz`` of the insertion electrodes.

    Parameters
    ----------
    folder : path
        Where the two files go.
    key : str, optional
        The user's key; by default the variable ``MP_API_KEY``.
    server : str
        Address of the interface.
    pages : path, optional
        Where finished pages are kept until all is there, so that an interrupted fetch goes on
        where it stopped.

    Raises
    ------
    InputError
        No key, a key that is refused, a server that cannot be reached or answers strangely.
    """
    pages = pages or data_home() / ".mp-electrodes-pages"
    with _client(key, server) as client:
        pages.mkdir(parents=True, exist_ok=True)
        electrodes = [
            document
            for ion in CHARGES
            for document in _documents(
                client, "insertion_electrodes", {"working_ion": ion}, _PAIR_FIELDS, pages / ion
            )
        ]
        ids = sorted({e[end] for e in electrodes for end in ("id_charge", "id_discharge")})
        structures = {
            document["material_id"]: _structure_row(document)
            for start in range(0, len(ids), _IDS)
            for document in _documents(
                client,
                "summary",
                {"material_ids": ",".join(ids[start : start + _IDS])},
                _STRUCTURE_FIELDS,
                pages / f"structures-{start}",
            )
        }
    write_lines(folder / "structures.jsonl.gz", map(to_line, structures.values()))
    _write_pairs(folder / "pairs.csv.gz", (_pair_row(e, structures) for e in electrodes))
    shutil.rmtree(pages, ignore_errors=True)


def fetch_lithium(
    folder: Path, *, key: str | None = None, server: str = _SERVER, pages: Path | None = None
) -> None:
    """Write ``structures.jsonl.gz`` of all crystals that hold lithium.

    Parameters and errors are those of `fetch_electrodes`.
    """
    pages = pages or data_home() / ".mp-lithium-pages"
    with _client(key, server) as client:
        pages.mkdir(parents=True, exist_ok=True)
        found = _documents(client, "summary", {"elements": "Li"}, _STRUCTURE_FIELDS, pages / "all")
        write_lines(folder / "structures.jsonl.gz", (to_line(_structure_row(d)) for d in found))
    shutil.rmtree(pages, ignore_errors=True)


def _client(key: str | None, server: str) -> Any:
    import httpx

    key = key or os.environ.get("MP_API_KEY")
    if not key:
        raise InputError(
            "the Materials Project asks for a key",
            remedy="get one at https://materialsproject.org/api and set MP_API_KEY",
        )
    return httpx.Client(base_url=server, headers={"X-API-KEY": key}, timeout=120.0)


def _documents(
    client: Any, endpoint: str, query: dict[str, str], fields: str, store: Path
) -> Iterator[dict[str, Any]]:
    """All documents of a query, page by page; a page in the store is not asked for again."""
    store.mkdir(exist_ok=True)
    number = 0
    while True:
        kept = store / f"{number}.json"
        if not kept.exists():
            parameters = {
                **query,
                "_fields": ",".join(fields.split()),
                "_limit": str(_PAGE),
                "_skip": str(number * _PAGE),
            }
            partial = kept.with_suffix(".partial")
            partial.write_text(json.dumps(_ask(client, f"/materials/{endpoint}/", parameters)))
            partial.replace(kept)
        documents = json.loads(kept.read_text())
        yield from documents
        if len(documents) < _PAGE:
            return
        number += 1


def _ask(client: Any, path: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
    import httpx

    try:
        response = client.get(path, params=parameters)
        if response.status_code in (401, 403):
            raise InputError(
                "the Materials Project refuses the key", remedy="check MP_API_KEY on your dashboard"
            )
        response.raise_for_status()
        return list(response.json()["data"])
    except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the Materials Project cannot be read: {error!r}",
            remedy="fetch again: finished pages are kept",
        ) from error


def _structure_row(document: dict[str, Any]) -> dict[str, Any]:
    structure = document["structure"]
    sites = structure["sites"]
    crystal = Crystal.from_vectors(
        structure["lattice"]["matrix"],
        [site["species"][0]["element"] for site in sites],
        [site["abc"] for site in sites],
    )
    energy = document["uncorrected_energy_per_atom"]
    same = ("formation_energy_per_atom", "band_gap", "density", "volume", "total_magnetization")
    return {
        "id": document["material_id"],
        "formula": document["formula_pretty"],
        "spacegroup": (document.get("symmetry") or {}).get("number"),
        "nsites": len(crystal),
        **crystal_row(crystal),
        "energy": None if energy is None else energy * len(crystal),
        "energy_per_atom": energy,
        "e_above_hull": document.get("energy_above_hull"),
        **{name: document.get(name) for name in same},
        "is_hubbard": None,
        "K_VRH": (document.get("bulk_modulus") or {}).get("vrh"),
        "G_VRH": (document.get("shear_modulus") or {}).get("vrh"),
    }


def _pair_row(pair: dict[str, Any], structures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    charged, discharged = structures.get(pair["id_charge"]), structures.get(pair["id_discharge"])
    voltage = pair["average_voltage"]
    check = _formation_voltage(charged, discharged, pair["working_ion"])
    return {
        "working_ion": pair["working_ion"],
        "framework": pair["framework_formula"],
        "charged_id": pair["id_charge"],
        "discharged_id": pair["id_discharge"],
        "formula_charged": pair["formula_charge"],
        "formula_discharged": pair["formula_discharge"],
        "average_voltage_V": voltage,
        "voltage_from_formation_energy_V": check,
        "clean": check is not None and abs(voltage - check) <= 0.05 and -1 <= voltage <= 6,
        # the interface gives shares of all atoms; here it is ions an atom of the framework
        "x_charged": pair["fracA_charge"] / (1 - pair["fracA_charge"]),
        "x_discharged": pair["fracA_discharge"] / (1 - pair["fracA_discharge"]),
        "capacity_mAh_per_g": pair["capacity_grav"],
        "capacity_mAh_per_cm3": pair["capacity_vol"],
        "max_delta_volume": pair["max_delta_volume"],
        "stability_charge": pair["stability_charge"],
        "stability_discharge": pair["stability_discharge"],
    }


def _formation_voltage(
    charged: dict[str, Any] | None, discharged: dict[str, Any] | None, ion: str
) -> float | None:
    """Average voltage (V) from the formation energies of two structures, where they give one."""
    energies, amounts = [], []
    for row in (charged, discharged):
        if row is None or row["formation_energy_per_atom"] is None:
            return None
        ions = row["species"].count(ion)
        framework = len(row["species"]) - ions
        if framework == 0:
            return None
        energies.append(row["formation_energy_per_atom"] * len(row["species"]) / framework)
        amounts.append(ions / framework)
    taken = amounts[1] - amounts[0]
    if taken <= 0:  # no electrode: `load` tells the row
        return None
    return float(average_voltage(energies[0], energies[1], taken, CHARGES[ion]))


def _write_pairs(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with gzip.open(path, "wb") as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(text, list(row))
                writer.writeheader()
            writer.writerow(row)
