"""Fetching, from servers and indexes that the tests make: nothing here leaves this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlparse

import pytest

from leyden.data import materials_project, python_index, sources
from leyden.data.cards import card
from leyden.data.catalog import DroppedRowsWarning, load
from leyden.data.tidy import convert
from leyden.errors import InputError
from leyden.studies.conductor_data import lithium_structures

POSCAR = """A
1.0
0 2.8 2.8
2.8 0 2.8
2.8 2.8 0
Na Cl
1 1
direct
0 0 0 Na
1.5 -0.5 0.5 Cl"""
DIELECTRIC = (
    "# ref: someone\n"
    "band_gap,n,poly_electronic,poly_total,poscar,space_group,material_id,formula\n"
    '0,1.88,1.86,3.44,6.23,"' + POSCAR + '",225,mp-1,NaCl\n'
)
SITE = "{'label': 'X', 'abc': [-3.1e-05, 0.0, 1.0], 'species': [{'occu': 1, 'element': 'O'}]}"
CELL = "{'a': 3.0000004, 'b': 3.0, 'c': 4.0, 'alpha': 90.0, 'beta': 90.0, 'gamma': 120.00000000522}"
FLLA = (
    "# ref: someone\nmaterial_id,formula,e_above_hull,structure,formation_energy_per_atom\n"
    f"mp-2,{{'O': 1.0}},0.5,\"{{'lattice': {CELL}, 'sites': [{SITE}]}}\",-1.25\n"
)


def sdist(folder: Path, evil: Path | None = None) -> str:
    """A source distribution in `folder`, whose set-up script would leave a mark; its SHA-256."""
    path = folder / "matminer-0.4.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in {
            "matminer-0.4.0/setup.py": f"open({str(folder / 'executed')!r}, 'w')",
            "matminer-0.4.0/matminer/datasets/dielectric_constant.csv": DIELECTRIC,
            "../escaped.txt": "out",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A package index in a folder, pip pointed at it, an empty data home, and a card for it."""
    files = tmp_path / "simple" / "matminer"
    files.mkdir(parents=True)
    digest = sdist(files)
    (files / "index.html").write_text(
        f'<!DOCTYPE html><a href="matminer-0.4.0.tar.gz#sha256={digest}">matminer-0.4.0.tar.gz</a>'
    )
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path / "home"))
    chosen = card("dielectric-constant")
    chosen = replace(
        chosen,
        source={**chosen.source, "sha256": digest},
        tables=(replace(chosen.tables[0], rows=1),),
    )
    monkeypatch.setattr(sources, "card", lambda name: chosen)
    return SimpleNamespace(home=tmp_path / "home", files=files, card=chosen)


def leftovers(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()] if home.exists() else []


def test_a_data_set_comes_from_the_index_and_no_code_is_run(index: SimpleNamespace) -> None:
    folder = sources.fetch("dielectric-constant")
    data = load("dielectric-constant", target="band_gap_eV")
    assert data.ids.tolist() == ["mp-1"]
    assert data.y.tolist() == [1.88]
    assert data.items[0].frac.tolist() == [[0, 0, 0], [0.5, 0.5, 0.5]]
    assert not (index.files / "executed").exists()
    assert not list(index.files.parent.parent.rglob("escaped.txt"))
    assert leftovers(index.home) == [folder / "structures.jsonl.gz"]
    before = (folder / "structures.jsonl.gz").read_bytes()
    (index.files / "matminer-0.4.0.tar.gz").unlink()
    assert sources.fetch("dielectric-constant") == folder  # what is there is not fetched again
    with pytest.raises(InputError, match="index"):
        sources.fetch("dielectric-constant", force=True)
    assert (folder / "structures.jsonl.gz").read_bytes() == before


def test_fetching_again_replaces(index: SimpleNamespace) -> None:
    folder = sources.fetch("dielectric-constant")
    (folder / "stray").write_text("x")
    sources.fetch("dielectric-constant", force=True)
    assert leftovers(index.home) == [folder / "structures.jsonl.gz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "SHA-256 0000"),
        ({"version": "0.5.0"}, "no index has the source distribution of matminer 0.5.0"),
        ({"package": "matmine"}, "no index has the source distribution|cannot be fetched"),
        ({"member": "matminer/absent.csv"}, "archive lacks a file"),
        ({"converter": "flla"}, "another form than its card says"),
    ],
)
def test_a_fetch_that_fails_leaves_nothing(
    index: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, change: dict, message: str
) -> None:
    changed = replace(index.card, source={**index.card.source, **change})
    monkeypatch.setattr(sources, "card", lambda name: changed)
    with pytest.raises(InputError, match=message):
        sources.fetch("dielectric-constant")
    assert leftovers(index.home) == []
    assert list(index.home.iterdir()) == []


def test_missing_rows_and_interruption_leave_nothing(
    index: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = replace(index.card, tables=(replace(index.card.tables[0], rows=2),))
    monkeypatch.setattr(sources, "card", lambda name: more)
    with pytest.raises(InputError, match="must have 2 rows"):
        sources.fetch("dielectric-constant")
    assert list(index.home.iterdir()) == []

    def interrupt(*_: object) -> Iterator[dict]:
        yield {"id": "half"}
        raise KeyboardInterrupt

    monkeypatch.setattr(sources, "convert", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sources.fetch("dielectric-constant")
    assert list(index.home.iterdir()) == []


def test_a_truncated_archive_is_told(tmp_path: Path) -> None:
    sdist(tmp_path)
    path = tmp_path / "matminer-0.4.0.tar.gz"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match="archive cannot be read"):
        python_index.read_member(path, "setup.py")


def test_what_cannot_be_fetched_says_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"get it from https://github.com/NRC-Mila.*train.csv.gz"):
        sources.fetch("obelix")
    with pytest.raises(InputError, match=r"simulated source.*MOPAC"):
        sources.fetch("il-ions")


def test_a_data_home_that_cannot_be_written(index: SimpleNamespace) -> None:
    index.home.write_text("a file is in the way")
    with pytest.raises(InputError, match=r"cannot be written.*LEYDEN_DATA"):
        sources.fetch("dielectric-constant")


def test_pip_settings_follow_files_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_index.sys, "prefix", str(tmp_path))
    own = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://one.example/simple\nextra_index_url =\n  file:///a\n  file:///b\n"
        "[install]\nfind-links = /wheels\n"
    )
    found = python_index.pip_settings(own)
    assert found.index_urls == ("https://one.example/simple", "file:///a", "file:///b")
    assert "/wheels" in found.find_links
    variables = {**own, "PIP_INDEX_URL": "https://two.example", "PIP_CERT": "/cert.pem"}
    assert python_index.pip_settings(variables).index_urls[0] == "https://two.example"
    assert python_index.pip_settings(variables).certificate == "/cert.pem"
    (tmp_path / "chosen.conf").write_text("[global]\nno-index = true\ntrusted-host = a b\n")
    chosen = python_index.pip_settings({**own, "PIP_CONFIG_FILE": str(tmp_path / "chosen.conf")})
    assert chosen.index_urls == ()
    assert chosen.trusted_hosts == ("a", "b")
    assert python_index.pip_settings({"PIP_CONFIG_FILE": "/dev/null"}) == python_index.PipSettings()


def test_literals_are_read_and_never_run(tmp_path: Path) -> None:
    row = next(convert("flla", FLLA.encode()))
    assert row == {
        "id": "mp-2",
        "formula": "O2",
        "lattice": [3.0, 3.0, 4.0, 90.0, 90.0, 120.0],
        "species": ["O"],
        "frac": [[0.999969, 0.0, 0.0]],
        "formation_energy_per_atom": -1.25,
        "e_above_hull": 0.5,
    }
    mark = tmp_path / "executed"
    evil = FLLA.replace(CELL, f"open({str(mark)!r}, 'w')")
    with pytest.raises(InputError, match="another form"):
        list(convert("flla", evil.encode()))
    assert not mark.exists()
    disordered = FLLA.replace("'occu': 1,", "'occu': 0.5,")
    with pytest.raises(InputError, match="not occupied by one element"):
        list(convert("flla", disordered.encode()))


class Server:
    """A server on this machine: `answer(path, query, headers)` gives status and body."""

    def __init__(self, answer) -> None:
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlparse(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                asked.append((url.path, query))
                status, body = answer(url.path, query, self.headers)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Server:
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_data_set_comes_from_an_address(
    index: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = gzip.compress(DIELECTRIC.encode(), mtime=0)
    with Server(lambda *_: (200, body)) as server:
        source = {"kind": "url", "url": f"{server.url}/x.csv.gz", "converter": "dielectric"}
        source["sha256"] = hashlib.sha256(body).hexdigest()
        monkeypatch.setattr(sources, "card", lambda name: replace(index.card, source=source))
        sources.fetch("dielectric-constant")
        assert len(load("dielectric-constant")) == 1
        source["sha256"] = "1" * 64
        with pytest.raises(InputError, match="SHA-256 1111"):
            sources.fetch("dielectric-constant", force=True)
    with pytest.raises(InputError, match="cannot be reached"):
        sources.fetch("dielectric-constant", force=True)


def electrode(n: int) -> dict:
    return {
        "battery_id": f"b{n}", "working_ion": "Li", "framework_formula": "CoO2",
        "id_charge": f"mp-c{n}", "id_discharge": f"mp-d{n}", "formula_charge": "CoO2",
        "formula_discharge": "LiCoO2", "average_voltage": 4.0, "fracA_charge": 0.0,
        "fracA_discharge": 0.25, "capacity_grav": 270.0, "capacity_vol": 1000.0,
        "max_delta_volume": 0.1, "stability_charge": 0.0, "stability_discharge": 0.0,
    }  # fmt: skip


def structure(name: str) -> dict:
    species = ["Co", "O", "O"] + (["Li"] if "d" in name else [])
    sites = [{"species": [{"element": s}], "abc": [0, 0, n / 4]} for n, s in enumerate(species)]
    return {
        "material_id": name, "formula_pretty": "LiCoO2", "symmetry": {"number": 1},
        "structure": {"lattice": {"matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 9]]}, "sites": sites},
        "uncorrected_energy_per_atom": -5.0, "energy_above_hull": 0.0, "band_gap": 1.0,
        "formation_energy_per_atom": -1.0 if "c" in name else -1.75, "density": 4.0,
        "volume": 81.0, "total_magnetization": 0.0, "bulk_modulus": {"vrh": 90.0},
        "shear_modulus": None,
    }  # fmt: skip


def materials_project_server(electrodes: int, fail_after: int = 10**6):
    answers = [0]

    def answer(path: str, query: dict, headers) -> tuple[int, bytes]:
        answers[0] += 1
        if headers["X-API-KEY"] != "secret":
            return 403, b"{}"
        if answers[0] > fail_after:
            return 500, b"busy"
        if "electrodes" in path:
            found = (
                [electrode(n) for n in range(electrodes)] if query["working_ion"] == "Li" else []
            )
        else:
            found = [structure(name) for name in query["material_ids"].split(",")]
        start, limit = int(query["_skip"]), int(query["_limit"])
        return 200, json.dumps({"data": found[start : start + limit]}).encode()

    return answer


def test_materials_project_is_read_in_pages_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materials_project, "_PAGE", 4)
    monkeypatch.setattr(materials_project, "_IDS", 3)
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    folder = tmp_path / "mp-electrodes"
    folder.mkdir()
    options = {"key": "secret", "pages": tmp_path / "pages"}
    with Server(materials_project_server(6, fail_after=3)) as server:
        with pytest.raises(InputError, match="finished pages are kept"):
            materials_project.fetch_electrodes(folder, server=server.url, **options)
        assert list(folder.iterdir()) == []
    with Server(materials_project_server(6)) as server:
        materials_project.fetch_electrodes(folder, server=server.url, **options)
        asked = [query.get("working_ion") for _, query in server.asked]
    assert "Li" not in asked  # its two pages, and that of Na, were kept
    assert "Na" not in asked
    assert not (tmp_path / "pages").exists()
    pairs = load("mp-electrodes", target="average_voltage_V")
    assert len(pairs) == 6
    assert pairs.items[0].formula == "CoO2"
    assert len(load("mp-electrodes")) == 12
    assert load("mp-electrodes", target="K_VRH_GPa").y[0] == 90
    assert pairs.items[0].ion == "Li"
    assert pairs.items[0].discharged.formula == "LiCoO2"
    # E_f: 3 x -1 eV to 4 x -1.75 eV for one Li
    assert pairs.extra["voltage_from_formation_energy_V"][0] == pytest.approx(4.0)
    assert pairs.extra["clean"].all()
    assert pairs.extra["x_discharged"][0] == pytest.approx(1 / 3)


def test_all_lithium_crystals_come_by_the_users_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materials_project, "_PAGE", 4)
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    monkeypatch.setenv("MP_API_KEY", "secret")

    def answer(path: str, query: dict, headers) -> tuple[int, bytes]:
        assert headers["X-API-KEY"] == "secret"
        assert path == "/materials/summary/"
        assert query["elements"] == "Li"
        found = [structure(f"mp-d{n}") for n in range(6)]
        start, limit = int(query["_skip"]), int(query["_limit"])
        return 200, json.dumps({"data": found[start : start + limit]}).encode()

    with Server(answer) as server:
        fetch = materials_project.fetch_lithium
        monkeypatch.setattr(
            materials_project, "fetch_lithium", lambda folder: fetch(folder, server=server.url)
        )
        sources.fetch("mp-lithium")
        assert len(server.asked) == 2
    crystals = load("mp-lithium")
    assert crystals.ids.tolist() == [f"mp-d{n}" for n in range(6)]
    assert {crystal.formula for crystal in crystals.items} == {"LiCoO2"}
    assert not list(tmp_path.glob(".mp-*"))
    assert len(lithium_structures([crystals])) == 6, "they teach students of the conductors"


def test_materials_project_needs_a_good_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MP_API_KEY", raising=False)
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path / "home"))
    with pytest.raises(InputError, match="set MP_API_KEY"):
        sources.fetch("mp-electrodes")
    assert list((tmp_path / "home").iterdir()) == []
    with (
        Server(materials_project_server(1)) as server,
        pytest.raises(InputError, match="refuses the key"),
    ):
        materials_project.fetch_electrodes(tmp_path, key="wrong", server=server.url)


def test_pairs_of_a_fetched_set_that_are_no_electrodes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interface may name a structure that it does not serve, or a pair of equals."""
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    folder = tmp_path / "mp-electrodes"
    folder.mkdir()
    broken = {
        0: {"id_discharge": "mp-c5"},  # no richer than its host
        1: {"id_discharge": "mp-gone"},
    }

    def answer(path: str, query: dict, _: object) -> tuple[int, bytes]:
        if "electrodes" in path:
            found = [{**electrode(n), **broken.get(n, {})} for n in range(3)]
            found = found if query["working_ion"] == "Li" else []
        else:
            names = query["material_ids"].split(",")
            found = [structure(name) for name in names if name != "mp-gone"]
        return 200, json.dumps({"data": found}).encode()

    with Server(answer) as server:
        options = {"key": "secret", "pages": tmp_path / "pages", "server": server.url}
        materials_project.fetch_electrodes(folder, **options)
    with pytest.warns(DroppedRowsWarning, match=r"2 pairs are no electrodes.*mp-c0->mp-c5") as told:
        pairs = load("mp-electrodes", target="average_voltage_V")
    assert "must hold more Li" in str(told[0].message)
    assert pairs.ids.tolist() == ["mp-c2->mp-d2:Li"]
    # a structure that cannot be read is a broken file, not a pair to leave out
    path = folder / "structures.jsonl.gz"
    text = gzip.decompress(path.read_bytes()).replace(b'"Co"', b'"Qq"')
    path.write_bytes(gzip.compress(text))
    with pytest.raises(InputError, match=r"structures.jsonl.gz, row 1: .*element symbol"):
        load("mp-electrodes", target="average_voltage_V")
