"""Everything that breaks, on three brokers and on both kinds of Redis. The short form plays one scene on each, and on the cluster
only what is the cluster's own; the long one plays every fault on both, each three times and with a proof of its own."""
import pytest

from scene import Scene
from stage import Stage


@pytest.mark.parametrize("kind", ["pair", "cluster"])
def test_whatever_breaks(kind, tmp_path, request):
    stage = Stage(tmp_path, kind)
    try:
        if request.config.getoption("--long"):
            for number, fault in enumerate(stage.faults()):
                print(Scene(stage, tmp_path, f"scene-{number}", seed=number).play([fault] * 3), flush=True)
        else:
            own = [fault for fault in stage.faults() if kind == "pair" or fault.where == kind]
            print(Scene(stage, tmp_path, "scene", seed=1).play(own), flush=True)
    finally:
        stage.close()
