"""Does transfer help? Two sources of knowledge, one that is related and one that is not.

The crystals are synthetic, so the answer is known: the modulus follows from the energy, and the
noise from nothing.
"""

import leyden as ly
from leyden.models.vectors import baselines
from leyden.testing import tiny_transfer

network = ly.models.CrystalGraphNetwork(width=16, convolutions=1, epochs=20, random_state=0)

for helps in (True, False):
    source, target = tiny_transfer(source_rows=200, target_rows=40, helps=helps)
    arms = {
        "from scratch": ly.FromScratch(network),
        "ridge": ly.FromScratch(baselines()["ridge"]),
        "frozen embedding": ly.FrozenEmbedding(network, source),
    }
    result = ly.compare(arms, target, ly.splits.KFold(4), reference="ridge", progress=False)
    print(f"Target: {', '.join(target.targets)}\n\n{result.summary()}\n")
