"""Saved files: what goes in comes out, equal objects make equal files, and nothing bad gets in."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVR

from leyden import artefact
from leyden.artefact import Saved, read, register, write, writing
from leyden.errors import ArtefactError, InputError
from leyden.models.kernels import LaplaceRidge


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "KINDS", dict(artefact.KINDS))
    monkeypatch.setattr(artefact, "UPGRADES", {})
    for cls in (Ruler, Scale, Network):
        register(cls)


@dataclass(frozen=True)
class Ruler:
    """A representation that holds another one."""

    kind = "test_ruler"

    length: float
    marks: tuple[int, ...] = ()
    inner: Any = None


class Scale(BaseEstimator):
    """An estimator: parameters, and what fit sets."""

    kind = "test_scale"

    def __init__(self, factor: float = 1.0, regressor: Any = None) -> None:
        self.factor, self.regressor = factor, regressor

    def fit(self, X: np.ndarray, y: np.ndarray) -> Scale:
        self.weights_ = self.factor * y
        self.names_ = np.array(["a", "ß"])
        return self


class Network:
    """Config and state, as networks have them."""

    kind = "test_network"

    def __init__(self, width: int) -> None:
        self.width = width

    def config(self) -> dict[str, Any]:
        return {"width": self.width}

    def state(self) -> dict[str, np.ndarray]:
        return {"conv.0.weight": self.weight_}

    @classmethod
    def from_state(cls, config: dict[str, Any], arrays: dict[str, np.ndarray] | None) -> Network:
        made = cls(**config)
        if arrays is not None:
            made.weight_ = arrays["conv.0.weight"]
        return made


def through(value: Any, folder: Path) -> Any:
    write(value, folder / "a.leyden")
    return read(folder / "a.leyden")


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int32, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


class TestRoundTrip:
    @given(value=plain)
    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_plain_values(self, value: Any, tmp_path: Path) -> None:
        assert same(value, through(value, tmp_path))

    def test_dataclasses_nest(self, tmp_path: Path) -> None:
        ruler = Ruler(0.5, (1, 2), Ruler(float("inf")))
        assert through(ruler, tmp_path) == ruler

    def test_estimators_keep_what_fit_has_set(self, tmp_path: Path) -> None:
        scale = Scale(2.0, DummyRegressor()).fit(np.zeros((3, 1)), np.arange(3.0))
        loaded = through(scale, tmp_path)
        assert loaded.factor == 2.0
        assert isinstance(loaded.regressor, DummyRegressor)
        assert loaded.weights_.tolist() == [0.0, 2.0, 4.0]
        assert loaded.names_.tolist() == ["a", "ß"]

    def test_networks_fitted_and_not(self, tmp_path: Path) -> None:
        network = Network(3)
        assert not hasattr(through(network, tmp_path), "weight_")
        network.weight_ = np.ones((2, 2), np.float32)
        assert same(through(network, tmp_path).weight_, network.weight_)

    def test_an_object_that_occurs_twice_is_one_object(self, tmp_path: Path) -> None:
        ruler = Ruler(1.0)
        loaded = through({"b": [ruler], "a": Ruler(2.0, (), ruler)}, tmp_path)
        assert loaded["b"][0] is loaded["a"].inner

    @pytest.mark.parametrize(
        "regressor",
        [
            ExtraTreesRegressor(5, random_state=0),
            GaussianProcessRegressor(RBF() + WhiteKernel(), optimizer=None),
            HistGradientBoostingRegressor(max_iter=3),
            KNeighborsRegressor(1),
            KernelRidge(kernel="laplacian"),
            LGBMRegressor(n_estimators=3, verbose=-1),
            make_pipeline(StandardScaler(), LaplaceRidge()),
            make_pipeline(StandardScaler(), RidgeCV()),
            make_pipeline(StandardScaler(), SVR()),
        ],
        ids=lambda regressor: type(regressor).__name__,
    )
    def test_scikit_learn_predicts_the_same(self, regressor: Any, tmp_path: Path) -> None:
        X = np.random.default_rng(0).normal(size=(40, 3))
        regressor.fit(X, X[:, 0] ** 2)
        for name in ("one", "two"):
            write([regressor], tmp_path / name)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
        loaded = read(tmp_path / "one")[0]
        assert np.array_equal(loaded.predict(X), regressor.predict(X))


def test_equal_objects_make_equal_files_in_every_process(tmp_path: Path) -> None:
    code = """
import sys
import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from leyden.artefact import write
X = np.random.default_rng(0).normal(size=(30, 3))
junk = [object() for _ in range(int(sys.argv[2]))]  # other addresses
write({"a": X, "m": ExtraTreesRegressor(3, random_state=0).fit(X, X[:, 0])}, sys.argv[1])
"""
    for name, junk in (("a", "0"), ("b", "9999")):
        subprocess.run([sys.executable, "-c", code, tmp_path / name, junk], check=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


class TestWhatCannotBeSaved:
    def test_functions_of_the_user(self, tmp_path: Path) -> None:
        with pytest.raises(ArtefactError, match="not on the list"):
            write([FunctionTransformer(same)], tmp_path / "a")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("value", [object(), np.array([None]), {1: 2}, {"a": {3}}])
    def test_strangers(self, value: Any, tmp_path: Path) -> None:
        with pytest.raises(ArtefactError):
            write(value, tmp_path / "a")
        assert not list(tmp_path.iterdir())


def rewrite(path: Path, change: Any) -> None:
    """Write a zip again with its members changed by `change(dict)`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def with_manifest(**changes: Any) -> Any:
    def change(members: dict[str, bytes]) -> None:
        manifest = {**json.loads(members["manifest.json"]), **changes}
        members["manifest.json"] = json.dumps(manifest).encode()

    return change


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "m.leyden"
    write(Ruler(1.0, (), Network.from_state({"width": 2}, {"conv.0.weight": np.ones(9)})), path)
    return path


class TestDamage:
    def test_every_truncation_is_told(self, saved: Path) -> None:
        data = saved.read_bytes()
        for size in range(0, len(data), 37):
            saved.write_bytes(data[:size])
            with pytest.raises(ArtefactError, match=r"m\.leyden"):
                read(saved)

    def test_every_flipped_byte_is_told_or_harmless(self, saved: Path) -> None:
        data, told = saved.read_bytes(), 0
        for place in range(0, len(data), 11):
            saved.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
            try:
                loaded = read(saved)
            except ArtefactError:
                told += 1
            else:  # bytes of the zip that mean nothing, such as dates
                assert np.array_equal(loaded.inner.weight_, np.ones(9))
        assert told > 20

    def test_an_altered_member_with_a_right_checksum(self, saved: Path) -> None:
        def change(members: dict[str, bytes]) -> None:
            name = "arrays.safetensors"
            members[name] = members[name][:-8] + b"\0" * 8

        rewrite(saved, change)
        with pytest.raises(ArtefactError, match=r"arrays.safetensors was altered.*Remedy"):
            read(saved)

    @pytest.mark.parametrize("version", [0, 2, "1", None, True])
    def test_another_schema_version(self, saved: Path, version: Any) -> None:
        rewrite(saved, with_manifest(schema_version=version))
        with pytest.raises(ArtefactError, match=r"m.leyden.*schema version.*Remedy: update Leyden"):
            read(saved)

    @pytest.mark.parametrize("kind", ["nonsense", "os:system", "leyden.errors:InputError"])
    def test_an_unknown_kind(self, saved: Path, kind: str) -> None:
        rewrite(saved, with_manifest(object={"$kind": kind, "fields": {}}))
        with pytest.raises(ArtefactError, match=r"kind '.*' is not known.*Remedy"):
            read(saved)

    @pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "extra"])
    def test_members_that_the_manifest_does_not_list(self, saved: Path, name: str) -> None:
        rewrite(saved, lambda members: members.update({name: b"x"}))
        with pytest.raises(ArtefactError, match="missing or added"):
            read(saved)

    def test_a_missing_member(self, saved: Path) -> None:
        rewrite(saved, lambda members: members.pop("arrays.safetensors"))
        with pytest.raises(ArtefactError, match=r"missing or added: arrays.safetensors"):
            read(saved)

    def test_a_zip_bomb(self, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(artefact, "_MAX_BYTES", 100)
        with pytest.raises(ArtefactError, match="larger than"):
            read(saved)

    def test_deep_nesting(self, saved: Path) -> None:
        tree: Any = 1
        for _ in range(100):
            tree = [tree]
        rewrite(saved, with_manifest(object=tree))
        with pytest.raises(ArtefactError, match="nested too deeply"):
            read(saved)

    @pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4"])
    def test_other_files(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ArtefactError, match="x: "):
            read(tmp_path / "x")

    def test_another_zip(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr("a", b"1")
        with pytest.raises(ArtefactError, match="not a file that Leyden saved"):
            read(tmp_path / "x.zip")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            read(tmp_path / "absent.leyden")


def test_a_model_file_runs_no_code(tmp_path: Path) -> None:
    """A skops blob that names a function of the system is refused, and is not called."""
    import skops.io

    victim = tmp_path / "victim"
    data = io.BytesIO(skops.io.dumps(DummyRegressor().fit([[0]], [1.0])))
    with zipfile.ZipFile(data) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    schema |= {"__module__": "pathlib", "__class__": "Path"}
    members["schema.json"] = json.dumps(schema).encode()
    evil = io.BytesIO()
    with zipfile.ZipFile(evil, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    path = tmp_path / "evil.leyden"
    write({"skops": evil.getvalue()}, path)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    tree = {"$kind": "scikit_learn", "fields": {"skops": manifest["object"]["$map"]["skops"]}}
    rewrite(path, with_manifest(object=tree))
    with pytest.raises(ArtefactError, match=r"pathlib.Path is not on the list"):
        read(path)
    assert not victim.exists()


def test_older_files_are_brought_up_to_date(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps: version 1 called the length `size`, version 2 had it in another unit."""

    def first(manifest: dict[str, Any], arrays: dict[str, Any]) -> tuple[Any, Any]:
        fields = manifest["object"]["fields"]
        return {**manifest, "object": {"$kind": "test_ruler", "fields": fields}}, arrays

    def second(manifest: dict[str, Any], arrays: dict[str, Any]) -> tuple[Any, Any]:
        manifest["object"]["fields"]["length"] *= 10
        return manifest, {name: 2 * array for name, array in arrays.items()}

    monkeypatch.setattr(artefact, "SCHEMA_VERSION", 3)
    monkeypatch.setattr(artefact, "UPGRADES", {1: first, 2: second})
    loaded = read(saved)
    assert loaded.length == 10.0
    assert loaded.inner.weight_.tolist() == [2.0] * 9


class TestWriting:
    def test_an_error_leaves_what_was_there(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"old")

        def half() -> None:
            with writing(tmp_path / "a") as file:
                file.write(b"half")
                raise ValueError("stop")

        with pytest.raises(ValueError, match="stop"):
            half()
        assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"old")]

    def test_a_full_disk_is_one_clear_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(artefact.os, "fsync", full)
        with pytest.raises(InputError, match=r"a: .*No space left.*Remedy: free some space"):
            write(1, tmp_path / "a")
        assert not list(tmp_path.iterdir())

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_folder(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(InputError, match="Permission denied"):
            write(1, tmp_path / "a")
        tmp_path.chmod(0o700)

    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"")
        with pytest.raises(InputError, match="cannot be written"):
            write(1, tmp_path / "f" / "a")

    def test_kill_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        write("old", path)
        code = """
import os, sys
from leyden.artefact import writing
with writing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""
        done = subprocess.run([sys.executable, "-c", code, path], check=False)
        assert done.returncode == -9
        assert read(path) == "old"


def test_custom_forms_come_first(tmp_path: Path) -> None:
    @dataclass
    class Own:
        kind = "test_own"
        x: int

        def to_saved(self) -> Saved:
            return Saved(self.kind, {"y": self.x + 1})

        @classmethod
        def from_saved(cls, saved: Saved) -> Own:
            return cls(saved.fields["y"] - 1)

    module = sys.modules[__name__]
    module.Own = Own  # type: ignore[attr-defined]
    Own.__qualname__ = "Own"
    register(Own)
    assert through(Own(3), tmp_path) == Own(3)
