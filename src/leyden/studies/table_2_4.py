"""Table 2.4 of Xie's thesis: the published electrolytes, as printed."""

from __future__ import annotations

import pandas as pd

from leyden.physics.dendrites import recover_from_two_points
from leyden.studies.lithium_screen import K_HIGH, K_LOW

__all__ = ["PUBLISHED", "compared", "recovered"]

PUBLISHED = pd.DataFrame(
    [
        ("mp-867695", "Li2WS4", "P-42m", 0.62, -109.26, 3.64, None),
        ("mp-753195", "Li2WS4", "I-42m", 1.75, -38.54, 1.34, None),
        ("mp-675926", "LiBH4", "P-1", 1.98, -40.13, 1.32, None),
        ("mp-29520", "LiAuI4", "P21/c", 2.7, 16.1, 1.02, 0.40),
        ("mp-567967", "LiGaI4", "P21/c", 3.2, 48.6, 0.85, 0.29),
        ("mp-570512", "LiWCl6", "R3", 3.2, 51.3, 0.82, 0.27),
        ("mp-569238", "Cs3LiI4", "P21/m", 3.1, 46.9, 0.80, 0.17),
        ("mp-541001", "LiInI4", "P21/c", 3.5, 68.5, 0.74, 0.20),
        ("mp-608311", "Cs2Li3I5", "C2", 3.6, 77.2, 0.71, 0.17),
        ("mp-569025", "Ba19Na29Li35", "F-43m", 4.2, 101.9, 0.68, 0.19),
        ("mp-570185", "Ba38Na58Li26N", "F-43m", 4.2, 104.5, 0.67, 0.20),
        ("mp-570813", "Li2UI6", "P-31c", 4.2, 111.5, 0.66, 0.29),
    ],
    columns=["id", "formula", "space group", "chi_low", "chi_high", "lambda_nm", "lambda_std_nm"],
)
"""chi in kJ/(mol nm) at 1e8 1/m and at a wavelength of 1 nm. Rows without a standard deviation are
those whose moduli were known, so that their figures belong to one pair of moduli."""


def recovered() -> pd.DataFrame:
    """The rows with known moduli, and the wavelength that their two values of chi give.

    chi = A k - B k^2, so two values give A and B, and lambda = 2 pi B / A. Averages over an
    ensemble do not obey this: the mean of a ratio is not the ratio of the means.
    """
    known = PUBLISHED[PUBLISHED["lambda_std_nm"].isna()]
    curve = recover_from_two_points(known["chi_low"], K_LOW, known["chi_high"], K_HIGH)
    return known.assign(recovered_nm=curve.critical_wavelength_nm)


def compared(ranking: pd.DataFrame) -> pd.DataFrame:
    """Published electrolytes that we have screened, with our values beside the printed ones."""
    ours = ranking[["id", "chi_low", "chi_high", "lambda_crit_nm", "lambda_crit_std_nm"]]
    both = PUBLISHED.merge(ours, on="id", suffixes=("_published", ""))
    return both.rename(columns={"lambda_nm": "lambda_crit_nm_published"})
