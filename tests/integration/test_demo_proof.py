"""The demo's proof is what the recount says: it goes red where one counter is short, or too large."""
import json
import subprocess

import pytest

from harness.places import ROOT

PROOF = """
state=$1 sent=10 killed=1 woken=1
for part in say figures proof; do . "deploy/lib/$part.sh"; done
proof_say
"""
EQUAL = {"events": 10, "counted": 10, "rejected": 0, "duplicates": 0, "keys": 1, "counters": 1, "differences": 0, "faults": []}


WINDOWS = {"windows": 4, "counters": 12}


def _proof(directory, differences, findings=0, windows=WINDOWS):
    recount = EQUAL | {"differences": len(differences), "difference_list": differences}
    (directory / "recount.out").write_text(json.dumps(recount, separators=(",", ":")))
    (directory / "windows.out").write_text(json.dumps(windows | {"findings": findings}, separators=(",", ":")))
    return subprocess.run(["bash", "-uc", PROOF, "proof", directory], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_proof_of_equal_counters_is_green(tmp_path):
    proof = _proof(tmp_path, [])
    assert proof.returncode == 0, proof.stderr
    assert "events lost 0," in proof.stdout and "events counted twice 0," in proof.stdout and "NOT EQUAL" not in proof.stdout


@pytest.mark.parametrize("redis, lost, twice", [("4", 3, 0), ("absent", 7, 0), ("9", 0, 2)])
def test_the_proof_is_red_where_a_counter_differs(tmp_path, redis, lost, twice):
    proof = _proof(tmp_path, [{"key": "clm:{0}:platform:tiktok", "field": "views", "redis": redis, "recount": "7"}])
    assert proof.returncode == 1 and "NOT EQUAL" in proof.stdout and "not everything is equal" in proof.stderr
    assert f"events lost {lost}, " in proof.stdout and f"events counted twice {twice}, " in proof.stdout


def test_the_proof_is_red_where_a_window_differs(tmp_path):
    proof = _proof(tmp_path, [], findings=2)
    assert proof.returncode == 1 and "12 counters in 4 published windows, 2 findings" in proof.stdout
    assert "NOT EQUAL" in proof.stdout and "not everything is equal" in proof.stderr


def test_the_proof_is_red_where_no_window_was_published__else_nothing_was_proved_of_them(tmp_path):
    (tmp_path / "windows.log").touch()
    proof = _proof(tmp_path, [], windows={"windows": 0, "counters": 0})
    assert proof.returncode == 1 and "no window was published" in proof.stderr


def test_large_numbers_are_told_in_groups(tmp_path):
    assert "12,345 counters in 1,137 published windows" in _proof(tmp_path, [], windows={"windows": 1137, "counters": 12345}).stdout


def test_a_difference_elsewhere_is_red_and_no_event(tmp_path):
    proof = _proof(tmp_path, [{"key": "clm:{0}:platform:tiktok", "field": "watch_ms", "redis": "6", "recount": "7"}])
    assert proof.returncode == 1 and "1 differ" in proof.stdout and "events lost 0," in proof.stdout


LAG = """
state=$1 partitions=8 frozen=worker-3 workers=(worker-1 worker-2 worker-3)
for part in say figures; do . "deploy/lib/$part.sh"; done
lag_tell
printf '%s' "$lag"
"""


@pytest.mark.parametrize("owned, says", [((5, 3, 2), "lag 1,600"), ((4, 0, 4), "lag 800 in 4 of 8 partitions, 4 go to other workers"),
                                         ((0, 0, 8), "lag unknown while the 8 partitions go to other workers")])
def test_a_lag_that_nobody_can_tell_is_not_called_none(tmp_path, owned, says):
    """The third is frozen: what it says that it has, others will have when its session is over. And a partition is theirs before they
    know where it ends."""
    for number, count in enumerate(owned, 1):
        rows = [f'clameur_kafka_lag_messages{{partition="{part}"}} 200\r\n' for part in range(count)]
        (tmp_path / f"figures.worker-{number}").write_text("clameur_kafka_assigned_partitions 8\r\n" + "".join(rows))
    told = subprocess.run(["bash", "-uc", LAG, "lag", tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert told.stdout == says, told.stderr


RATE = """
. deploy/lib/figures.sh
now_ms() { echo 0; }
. deploy/lib/table.sh
say() { :; }
rate_begin 0
for second in 1 2 3 4 5 6 7 8; do
    total[events_read_total]=$((second * 9000)) # a part of it again, and not all answered yet
    total[events_counted_total]=$((second / 2 * 2000)) total[events_rejected_total]=$((second / 2 * 100)) total[events_duplicate_total]=0
    rate_take $((second * 1000))
    echo "$second $per_second"
done
"""


def test_the_rate_is_that_of_the_figures_beside_it__red_if_of_what_is_read_or_of_a_second():
    told = subprocess.run(["bash", "-uc", RATE], cwd=ROOT, capture_output=True, text=True, timeout=60)
    rates = dict(line.split() for line in told.stdout.splitlines())
    assert rates["4"] == "1050" and rates["5"] == "840" and rates["6"] == "1260" and rates["7"] == "840", told.stderr


@pytest.mark.parametrize("said, progress, steps", [
    ("", "", ""), ("ninja: no work to do.", "", ""),
    ("[1/4] a\n[20/377] b", "20 of 377", ", 20 of 377 steps"), ("[374/377] c", "374 of 377, linking", ", 374 of 377 steps"),
    ("[376/377] c\n[377/377] d", "377 of 377, linking", ", 377 of 377 steps")])
def test_the_build_says_what_is_done_of_all(tmp_path, said, progress, steps):
    (tmp_path / "out").write_text(said + "\n")
    script = '. deploy/lib/services.sh; build_progress "$1"; echo; build_steps "$1"; echo'
    told = subprocess.run(["bash", "-uc", script, "build", tmp_path / "out"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    first, second = told.stdout.split("\n")[:2]
    assert first.split("] ")[-1] == progress and second == steps, told.stderr


SAYS = """
. deploy/lib/say.sh
now_ms() { echo "$now"; }
now=0; step 2 build
for now in 6000 12000 18000; do step_says '363 of 364'; done
now=24000; step_says '364 of 364'
now=25500; step_done 2 built
now=26000; step 4 play
step_goes_on 4 '100 events/s'
"""


def test_what_a_step_says_is_said_once_and_what_goes_on_has_no_time_yet():
    said = subprocess.run(["bash", "-uc", SAYS], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert [line.split() for line in said.stdout.splitlines()] == [
        ["[2/5]", "build"], ["363", "of", "364"], ["364", "of", "364"], ["[2/5]", "build", "built", "25.5", "s"],
        ["[4/5]", "play", "100", "events/s"]], said
