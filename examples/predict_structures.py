"""A predictor is one file; bad input comes back as a row with its error."""

import leyden as ly
from leyden.models.vectors import baselines
from leyden.testing import tiny_crystals

CAESIUM_CHLORIDE = """\
data_CsCl
_cell_length_a 4.12
_cell_length_b 4.12
_cell_length_c 4.12
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Cs Cs 0 0 0 1.0
Cl Cl 0.5 0.5 0.5 {occupancy}
"""

data = tiny_crystals(60).with_targets("log10_modulus_GPa")
strategy = ly.FromScratch(baselines()["extra trees"]).fit(data)
ly.Predictor.of(strategy, split=ly.splits.KFold(5)).save("modulus.leyden")

predictor = ly.Predictor.load("modulus.leyden")
whole, partial = (CAESIUM_CHLORIDE.format(occupancy=occupancy) for occupancy in (1.0, 0.5))
table = predictor.predict([whole, partial, data.items[0]], ids=["CsCl", "disordered", "known"])
print(table.T.to_string())
