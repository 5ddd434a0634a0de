"""Surfaces of one value, against spheres and planes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden.errors import IncompatibleError
from leyden.exploration.iso_surface import iso_surface

AXES = [np.linspace(-1.0, 1.0, n) for n in (17, 19, 21)]
X, Y, Z = np.meshgrid(*AXES, indexing="ij")


def area(triangles: np.ndarray) -> float:
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    return float(0.5 * np.linalg.norm(np.cross(a, b), axis=1).sum())


def test_a_sphere_has_its_area_and_every_corner_its_radius() -> None:
    triangles = iso_surface(AXES, np.sqrt(X**2 + Y**2 + Z**2), 0.7)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    # The distance grows outwards, so that lower values are within.
    assert (np.sum(normals * triangles.mean(axis=1), axis=1) < 0).all()
    assert area(triangles) == pytest.approx(4 * np.pi * 0.7**2, rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(triangles, axis=-1), 0.7, atol=0.01)


def test_a_closed_surface_has_no_holes() -> None:
    triangles = iso_surface(AXES, X**2 + Y**2 + Z**2 + 0.3 * X * Y, 0.43)
    corners = [[tuple(np.round(corner, 9)) for corner in triangle] for triangle in triangles]
    edges = Counter(
        frozenset(pair)
        for one in corners
        for pair in zip(one, one[1:] + one[:1], strict=True)
        if len(set(pair)) == 2 and len(set(one)) == 3
    )
    assert set(edges.values()) == {2}


@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(-0.4, 0.4))
def test_a_linear_quantity_has_the_level_at_every_corner(
    slope: tuple[float, float, float], level: float
) -> None:
    values = slope[0] * X + slope[1] * Y + slope[2] * Z
    found = iso_surface(AXES, values, level) @ np.array(slope)
    np.testing.assert_allclose(found, level, atol=1e-9)


def test_cells_without_a_value_are_left_out_and_a_level_out_of_reach_is_nowhere() -> None:
    values = np.where(X > 0.5, np.nan, Z)
    triangles = iso_surface(AXES, values, 0.13)
    assert triangles[..., 0].max() <= 0.5
    assert area(triangles) == pytest.approx(1.5 * 2, rel=1e-6)
    assert iso_surface(AXES, Z, 2.0).shape == (0, 3, 3)


def test_axes_that_do_not_fit() -> None:
    with pytest.raises(IncompatibleError, match="do not fit"):
        iso_surface(AXES[:2], Z, 0.0)
