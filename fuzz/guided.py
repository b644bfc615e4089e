"""One target under atheris, by itself: ``python -m fuzz.guided TARGET SECONDS FOLDER``.

It knows libFuzzer's options. It must not import a target before atheris can instrument it.
libFuzzer ends the process, keeps what reaches something new in the folder, which it also begins
with, and writes a finding to the working folder.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def main(target: str, seconds: float, grown: Path) -> None:
    """Fuzz for so long, or until something is found."""
    engine: Any = importlib.import_module("atheris")
    with engine.instrument_imports(include=["auxws_proto"]):
        from .seeds import seeds
        from .targets import TARGETS
    for number, data in enumerate(seeds(target)):
        (grown / f"seed-{number}").write_bytes(data)
    limit = max(1, round(seconds))
    options = [f"-max_total_time={limit}", "-max_len=4096", "-print_final_stats=1"]
    engine.Setup([sys.argv[0], str(grown), *options], TARGETS[target])
    engine.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
