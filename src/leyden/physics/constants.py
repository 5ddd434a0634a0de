"""Constants and conversions that the closed-form science shares (CODATA 2018, exact)."""

from __future__ import annotations

__all__ = [
    "AVOGADRO_PER_MOL",
    "FARADAY_C_PER_MOL",
    "J_PER_MOL_M_IN_KJ_PER_MOL_NM",
    "PA_PER_GPA",
]

AVOGADRO_PER_MOL = 6.02214076e23
FARADAY_C_PER_MOL = 1.602176634e-19 * AVOGADRO_PER_MOL
PA_PER_GPA = 1e9
#: One J/(mol m) in kJ/(mol nm), the unit of table 2.4 of Xie's thesis.
J_PER_MOL_M_IN_KJ_PER_MOL_NM = 1e-12
