"""`leyden predict` of electrodes: one CIF with start-up, and a folder of CIFs.

    OMP_NUM_THREADS=1 python benchmarks/predict_electrodes.py [--structures 1000]

Fits a network for Zn on the clean Zn rows of mp-electrodes (few epochs: its size decides the speed,
not its skill), saves it, and runs the command as a user does, in a process of its own. Prints one
JSON object: seconds of one file, the least of five; files a second of the folder after start-up,
which is the time of the folder less that of one file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import leyden as ly  # threads are set before it loads
from leyden.models import CrystalGraphNetwork
from leyden.representations.electrode import HostGraph


def seconds(model: Path, source: Path, out: Path) -> float:
    """Wall time of one call of the command."""
    command = [sys.executable, "-m", "leyden", "predict", model, source, "--ion", "Zn", "-o", out]
    began = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", type=int, default=1000)
    count = parser.parse_args().structures
    electrodes = ly.load("mp-electrodes", target="average_voltage_V")
    zinc = ly.load(
        "mp-electrodes",
        target="average_voltage_V",
        where={"working_ion": "Zn", "clean": True},
    )
    network = CrystalGraphNetwork(representation=HostGraph(ions=("Zn",)), epochs=3)
    split = ly.splits.GroupKFold("framework", 2)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = folder / "zn.leyden"
        ly.FromScratch(network).fit(zinc).to_predictor(split).save(model)
        cifs = folder / "hosts"
        cifs.mkdir()
        hosts = {item.host: None for item in electrodes.items}  # each once
        for number, host in enumerate(list(hosts)[:count]):
            host.to_structure().to(filename=str(cifs / f"{number:04d}.cif"))
        out = folder / "out.csv"
        one = min(seconds(model, cifs / "0000.cif", out) for _ in range(5))
        whole = min(seconds(model, cifs, out) for _ in range(3))
        written = len(out.read_text().splitlines()) - 1
    print(
        json.dumps(
            {
                "predict_one_seconds": round(one, 2),
                "predict_folder_files": written,
                "predict_folder_per_second": round(written / (whole - one), 1),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
