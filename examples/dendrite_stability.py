"""Which isotropic electrolytes keep a lithium electrode flat? Closed form, no learning.

Xie, PhD thesis (2020), eq. 2.10: a ripple of wavenumber k grows where chi(k) > 0.
"""

import numpy as np

from leyden.physics import dendrites

bulk = np.array([40.0, 20.0, 60.0])  # GPa
shear = np.array([15.0, 2.0, 40.0])  # GPa
ratio = np.array([0.1, 0.1, 1.5])  # molar volume of Li+ over that of the metal
poisson = dendrites.poisson_from_moduli(bulk, shear)

chi = dendrites.stability_parameter(1e8, shear, poisson, ratio)
wavelength = dendrites.critical_wavelength_nm(shear, poisson, ratio)
for row in zip(shear, poisson, ratio, chi, wavelength, strict=True):
    print(
        "G {:5.1f} GPa  nu {:.2f}  V ratio {:.1f}  chi {:+7.3f}  lambda_crit {:.2f} nm".format(*row)
    )
