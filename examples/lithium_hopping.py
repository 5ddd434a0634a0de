"""Where lithium sits in sulfur, and how fast it hops: learned from a trajectory, without labels.

Xie, PhD thesis (2020), section 4.3; a twin of it with known rates, so that the answer can be held
against the truth.
"""

import leyden as ly
from leyden.dynamics import GraphDynamics
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo

twin = KineticMonteCarlo(octahedral_ps=20.0, tetrahedral_ps=12.0, lithium=2, cells=(2, 2, 2))
run = twin.run(0.6, frame_ps=0.5, random_state=1)

# The network learns from the first half; all that is said comes from the second.
see = ly.representations.LocalEnvironment(neighbours=20, convolutions=1, targets="Li")
early, late = ly.dynamics.learning_and_test(run.trajectory, 0.5, lag_ps=2.0)
network = GraphDynamics(see, states=2, lag_ps=2.0, epochs=5, restarts=1, random_state=0)
model = network.fit(see.observe(early))
found = ly.dynamics.analyse(model, [see.observe(late)], [late])

(time,), (low, high) = found.koopman.timescales_ps, found.koopman.timescales_interval[:, 0]
print(f"relaxation {time:.1f} ps ({low:.1f} to {high:.1f}); exact {twin.local_timescale_ps:.1f} ps")
hard = found.trajectories[0].memberships.argmax(axis=2)
agreement = (hard == run.states[len(early) :]).mean()
for warning in found.warnings:
    print("warning:", warning)
print(f"{max(agreement, 1 - agreement):.1%} of the frames as the sites have it")
for row in found.populations():
    print("state {state}: {population:.0%} of the time ({low:.0%} to {high:.0%})".format(**row))
