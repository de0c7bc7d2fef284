"""Everything that breaks, on three brokers and on both kinds of Redis. The short form plays every fault once, in three scenes, and
on the cluster only what is the cluster's own; the long one plays every fault on both, each three times and with a proof of its own."""
import pytest

from scene import Scene
from stage import Stage


def _short(stage, half):
    """What the short form plays: everything on the pair in two halves that run beside each other, the cluster's own on the cluster."""
    if stage.kind == "pair":
        return stage.faults()[half::2]
    return [fault for fault in stage.faults() if fault.where == stage.kind]


@pytest.mark.first
@pytest.mark.parametrize("kind,half", [("pair", 0), ("pair", 1), ("cluster", 0)])
def test_whatever_breaks(kind, half, tmp_path, request):
    stage = Stage(tmp_path, kind)
    try:
        if not request.config.getoption("--long"):
            print(Scene(stage, tmp_path, "scene", seed=1).play(_short(stage, half)), flush=True)
            return
        for number, fault in enumerate(stage.faults()):
            if kind == "cluster" or number % 2 == half:
                print(Scene(stage, tmp_path, f"scene-{number}", seed=number).play([fault] * 3), flush=True)
    finally:
        stage.close()
