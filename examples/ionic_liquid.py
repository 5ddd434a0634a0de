"""Ionic liquids nobody has measured: a process on pairs, its intervals, and a small screening."""

import pandas as pd

import leyden as ly
from leyden.data.ions import IonPair, StatePoint
from leyden.ion_domain import pair_splits
from leyden.models.pair_process import PairProcess
from leyden.representations import Concatenated, Fingerprint, MoleculeDescriptors
from leyden.representations.ion_pair import IonPairs
from leyden.screening.engine import run
from leyden.screening.ion_pairs import IonPairJob
from leyden.screening.pair_criteria import pair_criterion
from leyden.simulators.ionic_liquids import simulated_ionic_liquids

cations = [f"{'C' * n}[n+]1ccn(C)c1" for n in range(1, 9)]
cations += [f"{'C' * n}[N+]1(C)CCCC1" for n in range(1, 9)]
anions = ["N#C[N-]C#N", "F[B-](F)(F)F", "CS(=O)(=O)[O-]", "[O-]C(=O)C(F)(F)F"]
anions.append("O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F")
try:
    liquids = ly.load("ionic-liquids", target="surface_tension_N_per_m")
    liquids = liquids.take(slice(0, None, 4))
except ly.InputError:  # the measurements are not at hand: closed forms in place of them
    liquids = simulated_ionic_liquids(cations, anions, ["simulated_surface_tension_N_per_m"])
target = liquids.targets.columns[0]

ion = Concatenated((MoleculeDescriptors(), Fingerprint("morgan", counts=True, size=256)))
process = PairProcess(IonPairs(ion), shape="linear", log=True, steps=10, subset=100)

fold = next(iter(ly.splits.GroupKFold("pair", 5).split(liquids)))
train, test = liquids.take(fold.train), liquids.take(fold.test)
predictor = ly.Predictor.of(ly.FromScratch(process).fit(train), pair_splits(2))
told = predictor.predict(test)
inside = test.targets[target].between(told[f"{target}_lower"], told[f"{target}_upper"])
error = (told[target] / test.y - 1).abs().mean()
print(f"{len(test)} state points of pairs not seen: error {error:.1%}, {inside.mean():.0%} inside")

fluoride = IonPair("CCC[N+]1(C)CCCC1", "O=S(=O)([N-]S(=O)(=O)F)F")
curve = predictor.predict([StatePoint(fluoride, kelvin) for kelvin in (280.0, 320.0, 360.0)])
print(curve.drop(columns=["id", "error"]).to_string(index=False))

ions = pd.DataFrame({"smiles": [*cations, *anions]})
wanted = [pair_criterion(f"{target} < 0.04"), pair_criterion({"at_most": "cation unseen"})]
screening = run(IonPairJob(ions, [predictor], wanted, [f"min {target}"], keep=5), "pairs")
print(screening.funnel.to_string(index=False))
best = screening.rows[["cation_smiles", "anion_smiles", target, f"{target}_upper"]]
print(best.to_string(index=False))
