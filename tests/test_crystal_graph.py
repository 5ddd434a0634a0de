"""Packed graphs: slices, batches, the cache, and what stands for a whole data set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.representations import (
    BondStatistics,
    CellShape,
    CompositionStatistics,
    Concatenated,
    CrystalGraph,
    CrystalGraphs,
    represent,
    represent_rows,
)
from leyden.representations.cache import cache_folder
from leyden.representations.crystal_graph import graph_from_cif


def crystals(n: int = 12, seed: int = 0) -> list[Crystal]:
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        atoms = int(generator.integers(1, 7))
        lattice = 2.3 * atoms ** (1 / 3) * (np.eye(3) + generator.uniform(-0.2, 0.2, (3, 3)))
        made.append(
            Crystal(generator.choice([3, 8, 26], atoms), generator.random((atoms, 3)), lattice)
        )
    return made


def dataset(items: list) -> Dataset:
    return Dataset(
        "made",
        [str(i) for i in range(len(items))],
        items,
        pd.DataFrame({"y": np.zeros(len(items))}),
    )


def same(one: CrystalGraphs, other: CrystalGraphs) -> bool:
    pairs = zip(one.arrays().values(), other.arrays().values(), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def graphs() -> CrystalGraphs:
    return CrystalGraph().transform(crystals())


@pytest.mark.parametrize(
    "rows", [slice(2, 9), slice(None, None, -1), [5, 1, 1, 0], np.arange(12) % 2 == 0, []]
)
def test_a_slice_is_what_its_crystals_would_give(graphs: CrystalGraphs, rows) -> None:  # type: ignore[no-untyped-def]
    rows = np.array(rows, dtype=int) if isinstance(rows, list) else rows
    chosen = [crystals()[i] for i in np.arange(12)[rows]]
    assert same(graphs[rows], CrystalGraph().transform(chosen))
    assert len(graphs[rows]) == len(chosen)


def test_concatenate_undoes_slicing(graphs: CrystalGraphs) -> None:
    assert same(CrystalGraphs.concatenate([graphs[:4], graphs[4:4], graphs[4:]]), graphs)
    assert len(CrystalGraphs.concatenate([])) == 0


def test_a_batch_is_the_same_graph_with_global_indices(graphs: CrystalGraphs) -> None:
    rows = np.array([7, 0, 3])
    batch = graphs.batch(rows)
    assert batch.atom_counts.tolist() == graphs.atom_counts[rows].tolist()
    assert batch.edge_offsets[-1] == len(batch.distances) == len(batch.neighbours)
    crystal = batch.crystal_of_node
    assert np.array_equal(np.bincount(crystal), batch.node_counts)
    assert np.array_equal(np.bincount(crystal, batch.multiplicities), batch.atom_counts)
    # No edge leaves its crystal, and each edge stands in the range of its centre.
    assert np.array_equal(crystal[batch.centres], crystal[batch.neighbours])
    assert np.array_equal(np.diff(batch.edge_offsets), np.bincount(batch.centres))
    edge, node = 0, 0
    for row in rows:
        one = graphs[int(row)]
        edges, nodes = (
            slice(edge, edge + len(one.distances)),
            slice(node, node + len(one.numbers)),
        )
        for name in ("distances", "edge_multiplicities"):
            assert np.array_equal(getattr(batch, name)[edges], getattr(one, name))
        for name in ("numbers", "multiplicities"):
            assert np.array_equal(getattr(batch, name)[nodes], getattr(one, name))
        assert np.array_equal(batch.neighbours[edges] - node, one.neighbours)
        edge, node = edges.stop, nodes.stop


def test_cut_graphs_have_exactly_the_number_asked_for() -> None:
    salt = Crystal.from_parameters(
        (3.99, 3.99, 3.99, 60, 60, 60), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    kept, cut = (
        CrystalGraph(ties=ties, quotient=False).transform([salt]) for ties in ("keep", "cut")
    )
    assert np.diff(kept.edge_offsets).tolist() == [18, 18]  # 6 + 12: whole shells
    assert np.diff(cut.edge_offsets).tolist() == [12, 12]
    assert kept.distances[0] == pytest.approx(3.99 / np.sqrt(2), abs=1e-5)
    merged = CrystalGraph().transform([salt])
    assert merged.edge_multiplicities.tolist() == [6, 12] * 2
    assert merged.neighbours.tolist() == [1, 0, 0, 1]


def test_the_cache_is_by_content_and_survives_its_readers() -> None:
    items = crystals(5, seed=1)
    first = represent(CrystalGraph(), dataset(items))
    kept = list((cache_folder() / "graphs").iterdir())
    again = represent(CrystalGraph(), dataset(crystals(5, seed=1)))
    assert same(first, again)
    assert isinstance(again.distances, np.memmap)
    assert list((cache_folder() / "graphs").iterdir()) == kept
    represent(CrystalGraph(neighbours=6), dataset(items))
    represent(CrystalGraph(), dataset(items[::-1]))
    assert len(list((cache_folder() / "graphs").iterdir())) == len(kept) + 2
    assert not [path for path in kept if path.name.startswith(".making")]


def test_without_a_place_to_keep_results_they_are_made(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("LEYDEN_CACHE", str(blocked))
    items = crystals(3, seed=2)
    assert same(CrystalGraph().of(dataset(items)), CrystalGraph().transform(items))


def test_represent_makes_once_and_slices() -> None:
    class Counting(CrystalGraph):
        calls = 0

        def of(self, dataset: Dataset) -> CrystalGraphs:
            type(self).calls += 1
            return self.transform(dataset.items)

    whole = dataset(crystals(8, seed=3))
    part = whole.take([6, 2]).take([1])
    X = represent(Counting(), part)
    assert same(X, CrystalGraph().transform([whole.items[2]]))
    represent(Counting(), whole)
    assert Counting.calls == 1
    represent(Counting(neighbours=4), whole)
    assert Counting.calls == 2


def test_bad_rows_come_back_as_rows() -> None:
    good = crystals(2, seed=4)
    X, kept, errors = represent_rows(CrystalGraph(), [good[0], "LiFePO4", None, good[1]])
    assert kept.tolist() == [0, 3]
    assert same(X, CrystalGraph().transform(good))
    assert errors.keys() == {1, 2}
    assert "Crystal" in errors[1]
    with pytest.raises(InputError, match="row 2"):
        CrystalGraph().transform([good[0], None])
    X, kept, errors = represent_rows(CompositionStatistics(), ["Xx"])
    assert X.shape == (0, 132)
    assert kept.tolist() == []
    assert list(errors) == [0]


def test_concatenated_vectors() -> None:
    whole = dataset(crystals(4, seed=5))
    both = Concatenated((CompositionStatistics(), CellShape()))
    X = represent(both, whole)
    assert X.shape == (4, len(both.names()))
    assert np.array_equal(X, both.transform(whole.items))
    assert not both.may_have_seen_test


@pytest.mark.parametrize("representation", [CellShape(), BondStatistics()])
def test_structure_statistics_are_of_the_crystal_not_of_its_description(representation) -> None:  # type: ignore[no-untyped-def]
    for crystal in crystals(4, seed=6):
        generator = np.random.default_rng(7)
        order = generator.permutation(len(crystal))
        turn = np.linalg.qr(generator.standard_normal((3, 3)))[0]
        vectors = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1]])
        other = Crystal(
            crystal.numbers[order],
            (crystal.frac[order] + 0.3) @ np.linalg.inv(vectors),
            vectors @ crystal.lattice @ turn,
        )
        one, two = representation.transform([crystal, other])
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)
    assert one.shape == (len(representation.names()),)


def test_springs_of_a_face_centred_lattice() -> None:
    """Springs k between the twelve neighbours of fcc: C11 = 2 k/a, C12 = C44 = k/a."""
    from leyden.representations.neighbours import nearest_neighbours
    from leyden.representations.spring_network import elastic_tensor, isotropic_moduli

    a, k = 4.0, 3.0
    crystal = Crystal(np.array([29]), np.zeros((1, 3)), a / 2 * (np.ones((3, 3)) - np.eye(3)))
    near = nearest_neighbours(crystal, 12)
    relaxed, rigid = elastic_tensor(
        np.zeros(12, int), near.indices, near.vectors, np.full(12, k), crystal.volume, across=0
    )
    np.testing.assert_allclose(rigid, relaxed, atol=1e-9)
    expected = np.diag([2.0] * 6) + np.pad(1 - np.eye(3), (0, 3))
    np.testing.assert_allclose(rigid * a / k, expected, atol=1e-9)
    moduli = isotropic_moduli(rigid)
    assert moduli["K_voigt"] == pytest.approx(4 / 3 * k / a)
    assert moduli["K_reuss"] == pytest.approx(4 / 3 * k / a)
    assert moduli["G_voigt"] == pytest.approx((1 + 3) / 5 * k / a)  # (C11 - C12 + 3 C44) / 5
    assert moduli["G_reuss"] == pytest.approx(5 / (4 / 1 + 3 / 1) * k / a)


def test_free_atoms_make_a_network_softer() -> None:
    """Two springs of 1 and 3 in a row act as one of 3/4; held atoms share the strain equally."""
    from leyden.representations.spring_network import elastic_tensor

    # A chain along x of alternating springs, with springs across that hold it in y and z.
    vectors = np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]])
    centres, neighbours = np.array([0, 1, 0, 0, 1, 1]), np.array([1, 0, 0, 0, 1, 1])
    stiffness = np.array([1.0, 3, 1, 1, 1, 1])
    relaxed, rigid = elastic_tensor(centres, neighbours, vectors, stiffness, 2.0, across=0)
    # Each spring is listed from one end only, and so counts half.
    assert rigid[0, 0] == pytest.approx((1 + 3) / 2 / 2)
    assert relaxed[0, 0] == pytest.approx(4 * (1 * 3 / (1 + 3)) / 2 / 2, rel=1e-6)


def test_delaunay_reduction_finds_the_shortest_vectors() -> None:
    from leyden.representations.cell_shape import delaunay_reduced

    generator = np.random.default_rng(0)
    turns = np.array([np.tril(generator.integers(-3, 4, (3, 3)), -1) + np.eye(3)] * 1)
    cubic = np.eye(3)[None]
    bases, scalars = delaunay_reduced(np.concatenate([turns @ cubic, cubic]))
    np.testing.assert_allclose(np.sort(scalars, axis=1)[0], np.sort(scalars, axis=1)[1])
    assert (scalars <= 1e-9).all()
    np.testing.assert_allclose(bases.sum(axis=1), 0, atol=1e-12)


def test_cif_text_to_graph() -> None:
    text = """data_x
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cu Cu 0 0 0
"""
    graph = graph_from_cif(text)
    assert graph.numbers.tolist() == [29]
    assert graph.multiplicities.tolist() == [4]
    assert graph.edge_multiplicities.tolist() == [12]
    assert graph.node_of_atom.tolist() == [0] * 4
    assert graph.distances == pytest.approx(4 / np.sqrt(2))


def test_elements_beyond_the_table_are_named() -> None:
    heavy = Crystal(np.array([118]), np.zeros((1, 3)), 3 * np.eye(3))
    for representation in (CellShape(), BondStatistics()):
        with pytest.raises(InputError, match="row 1"):
            representation.transform([heavy])
