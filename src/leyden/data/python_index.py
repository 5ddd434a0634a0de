"""Files from source distributions on a Python package index, without running any code of them."""

from __future__ import annotations

import configparser
import hashlib
import os
import ssl
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leyden.errors import InputError

__all__ = ["PipSettings", "download_sdist", "pip_settings", "read_member"]

_PYPI = "https://pypi.org/simple/"
_LARGEST_MEMBER = 2**30  # bytes; an archive that claims more is not one of ours


@dataclass(frozen=True)
class PipSettings:
    """Where the user's own pip looks for packages.

    Attributes
    ----------
    index_urls, find_links, trusted_hosts : tuple of str
    certificate : str
        Bundle of certificate authorities; empty for the system's own.
    """

    index_urls: tuple[str, ...] = (_PYPI,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    certificate: str = ""


def pip_settings(environment: Mapping[str, str] = os.environ) -> PipSettings:
    """The settings of pip for this interpreter: its files, overruled by its variables.

    Parameters
    ----------
    environment : mapping of str to str
        Variables; ``PIP_INDEX_URL`` and its like are read.
    """
    values: dict[str, str] = {}
    for file in _config_files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise InputError(f"pip's settings cannot be read: {error}", file=file) from error
        for section in ("global", "download", "install"):
            if parser.has_section(section):
                values.update({key.replace("_", "-"): text for key, text in parser.items(section)})
    for key in ("index-url", "extra-index-url", "find-links", "trusted-host", "cert", "no-index"):
        if text := environment.get(f"PIP_{key.upper().replace('-', '_')}"):
            values[key] = text
    no_index = values.get("no-index", "").lower() in ("1", "true", "yes", "on")
    indexes = [values.get("index-url", _PYPI), *values.get("extra-index-url", "").split()]
    return PipSettings(
        index_urls=() if no_index else tuple(indexes),
        find_links=tuple(values.get("find-links", "").split()),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        certificate=values.get("cert", ""),
    )


def _config_files(environment: Mapping[str, str]) -> list[Path]:
    """Configuration files of pip, least binding first (pip's own order)."""
    chosen = environment.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = Path.home()
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    if os.name == "nt":
        shared = [Path(environment.get("ProgramData", "C:/ProgramData")) / "pip"]
        own = [home / "pip", Path(environment.get("APPDATA", home)) / "pip"]
    else:
        folders = environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
        shared = [*(Path(folder) / "pip" for folder in folders if folder), Path("/etc")]
        own = [home / ".pip", Path(environment.get("XDG_CONFIG_HOME", home / ".config")) / "pip"]
    files = [folder / name for folder in (*shared, *own, Path(sys.prefix))]
    return files + ([Path(chosen)] if chosen else [])


def download_sdist(
    package: str,
    version: str,
    sha256: str,
    folder: Path,
    settings: PipSettings | None = None,
) -> Path:
    """The source distribution of a package, checked against its hash; nothing of it is run.

    Parameters
    ----------
    package, version : str
        Name on the index and exact version.
    sha256 : str
        What the archive must hash to.
    folder : path
        Where the archive is written.
    settings : PipSettings, optional
        Where to look; by default the user's own pip settings.

    Raises
    ------
    InputError
        No index has it, none can be reached, or the hash is another.
    """
    settings = pip_settings() if settings is None else settings
    with _client(settings) as client:
        try:
            link = _find(client, settings, package, version)
            target = folder / f"{package}-{version}.tar.gz"
            digest = hashlib.sha256()
            with client.get_stream(link.normalized) as response, target.open("wb") as out:
                response.raise_for_status()
                for block in response.iter_bytes(2**16):
                    digest.update(block)
                    out.write(block)
        except InputError:
            raise
        except Exception as error:  # which HTTP library raises depends on unearth's version
            raise InputError(
                f"{package} {version} cannot be fetched from the Python index: {error}",
                remedy="check the network and `pip config list`, then fetch again",
            ) from error
    if digest.hexdigest() != sha256:
        raise InputError(
            f"the archive of {package} {version} must have SHA-256 {sha256[:16]}...",
            value=digest.hexdigest(),
            file=link.redacted,
            remedy="the index serves another file: check `pip config list`",
        )
    return target


def _client(settings: PipSettings) -> Any:
    from unearth.fetchers import PyPIClient

    cafile = settings.certificate or None
    if cafile and not Path(cafile).is_file():
        raise InputError("pip's certificate bundle must exist", value=cafile)
    context = ssl.create_default_context(cafile=cafile)
    return PyPIClient(
        trusted_hosts=settings.trusted_hosts, verify=context, follow_redirects=True, timeout=60.0
    )


def _find(client: Any, settings: PipSettings, package: str, version: str) -> Any:
    """The link of the source distribution."""
    from unearth import PackageFinder

    if not settings.index_urls and not settings.find_links:
        raise InputError("pip has no index to look in", remedy="see `pip config list`")
    finder = PackageFinder(
        session=client,
        index_urls=settings.index_urls,
        find_links=settings.find_links,
        trusted_hosts=settings.trusted_hosts,
        no_binary=[package],
        ignore_compatibility=True,
    )
    for found in finder.find_all_packages(package, allow_yanked=True):
        if found.version == version and not found.link.is_wheel:
            return found.link
    raise InputError(
        f"no index has the source distribution of {package} {version}",
        value=[*settings.index_urls, *settings.find_links],
        remedy="check the network and `pip config list`, then fetch again",
    )


def read_member(archive: Path, member: str) -> bytes:
    """One file of an archive, read in memory; nothing is unpacked, so no path can escape.

    Parameters
    ----------
    archive : path
        A ``.tar.gz``.
    member : str
        Path inside the folder that the archive holds.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for entry in tar:
                if entry.name.partition("/")[2] == member and entry.isfile():
                    if entry.size > _LARGEST_MEMBER:
                        raise InputError("a data file must be of sane size", value=entry.size)
                    content = tar.extractfile(entry)
                    return content.read() if content is not None else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"the archive cannot be read: {error}", file=archive) from error
    raise InputError("the archive lacks a file", value=member, file=archive)
