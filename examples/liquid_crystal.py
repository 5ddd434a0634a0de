"""Clearing temperatures of a series that nobody has measured, along a chain of other tables."""

import leyden as ly
from leyden.models import mlp
from leyden.models.mlp import MultilayerPerceptron
from leyden.representations import Fingerprint
from leyden.testing import tiny_molecules

try:
    clearing = ly.load("liquid-crystals", target="clearing_temperature_C").take(slice(0, None, 6))
    melting = ly.load("liquid-crystals", target="melting_point_C").take(slice(0, None, 4))
    salts = ly.load("il-melting").take(slice(0, None, 8))
except ly.InputError:  # the measurements are not at hand: made-up ones in place of them
    clearing, melting = tiny_molecules(), tiny_molecules("melting_point_C")
    salts = melting.take(slice(0, 20)).alone()

network = MultilayerPerceptron(Fingerprint(), **mlp.NETWORK, **mlp.FASTER["source"])
mixed = mlp.FASTER["mixed"]
path = ly.Chain([salts, ly.Step(melting, mixed)])
arms = {
    "scratch": ly.FromScratch(MultilayerPerceptron(Fingerprint(), **mlp.NETWORK, **mixed)),
    "chain": ly.FineTune(network, path, settings=mixed),
}
arms = {name: ly.VaryingColumns(arm) for name, arm in arms.items()}
result = ly.compare(arms, clearing, ly.splits.KFold(3, random_state=0), progress=False)
print(result.summary())
