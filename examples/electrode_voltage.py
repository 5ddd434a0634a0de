"""From lithium to zinc: a source of the same quantity loses the test rows' frameworks."""

import leyden as ly
from leyden.models import CrystalGraphNetwork
from leyden.representations import CompositionStatistics
from leyden.representations.electrode import Host, HostGraph
from leyden.testing import tiny_electrodes

electrodes = tiny_electrodes(90)  # or ly.load("mp-electrodes", target="average_voltage_V")
ion = electrodes.groups["working_ion"].to_numpy()
lithium, zinc = electrodes.take(ion == "Li"), electrodes.take(ion == "Zn")

network = CrystalGraphNetwork(
    representation=HostGraph(), width=16, convolutions=1, epochs=15, random_state=0
)
arms = {
    "Li network as it is": ly.SourceAsIs(network, lithium),
    "from scratch": ly.FromScratch(network),
    "fine-tuned": ly.FineTune(network, lithium, learning_rate=1e-3),
    "frozen + composition": ly.FrozenEmbedding(
        network, lithium, alongside=[Host(CompositionStatistics())]
    ),
}
result = ly.compare(arms, zinc, split=ly.splits.GroupKFold("framework", 3), progress=False)
print(result.summary(against="from scratch"))
