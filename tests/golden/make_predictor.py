"""How predictor-v1.leyden was made.  It is never made again: a new schema version gets a new file.

python tests/golden/make_predictor.py tests/golden/predictor-v2.leyden
"""

import sys

import numpy as np
from sklearn.linear_model import LinearRegression

from leyden.conformal import ConformalIntervals
from leyden.in_domain import InDomain
from leyden.models.average import Average
from leyden.models.crystal_graph_network import CrystalGraphNetwork
from leyden.models.vectors import NetworkEmbedding, VectorRegressor, laplace_ridge
from leyden.predictor import Predictor
from leyden.representations import CompositionStatistics, represent
from leyden.testing import tiny_crystals

data = tiny_crystals(12).with_targets("energy_eV_per_atom")
network = CrystalGraphNetwork(width=4, convolutions=1, hidden=4, epochs=2, random_state=0)
models = [
    network,
    VectorRegressor(NetworkEmbedding(network), LinearRegression()),
    VectorRegressor(CompositionStatistics(), laplace_ridge()),
]
for model in models:
    model.fit(represent(model.representation, data), np.array(data.y))
average = Average(models, [1.0, 1.0, 2.0])
X = represent(average.representation, data)
Predictor(
    average.representation,
    average,
    tuple(data.targets),
    ConformalIntervals(0.9).fit(data.y, average.predict(X) + 0.1),
    InDomain().fit(average.embed(X), data.ids),
    data.fingerprint(),
    {"dataset": data.name, "rows": len(data)},
).save(sys.argv[1])
