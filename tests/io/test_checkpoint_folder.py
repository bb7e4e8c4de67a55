import os
import signal
import subprocess
import sys
import time

import pytest

import deepnet as dn
from deepnet.io import CheckpointFolder


def test_the_newest_comes_back_and_old_ones_go(tmp_path):
    folder = CheckpointFolder(tmp_path / "run", keep=2)
    assert folder.load() is None
    assert not folder
    for step in range(5):
        folder.save({"step": step, "w": dn.full((3,), float(step))})
    state = folder.load()
    assert state["step"] == 4
    assert state["w"].tolist() == [4.0] * 3
    assert len(list((tmp_path / "run").iterdir())) == 4


@pytest.mark.parametrize("ending", [".safetensors", ".json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, ending, damage):
    folder = CheckpointFolder(tmp_path)
    folder.save({"step": 1, "w": dn.ones(8)})
    path = folder.save({"step": 2, "w": dn.ones(8)}).with_suffix(ending)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "flipped":
        path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    if (ending, damage) == (".json", "missing"):  # then it never was one
        assert folder.load()["step"] == 1
        return
    with pytest.warns(RuntimeWarning, match="damaged checkpoint"):
        assert folder.load()["step"] == 1


def test_saving_goes_on_after_a_damaged_one(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save({"step": 1}).write_bytes(b"")
    folder.save({"step": 2})
    assert folder.load()["step"] == 2
    folder.clear()
    assert not folder
    assert not list(tmp_path.iterdir())


def test_keep_must_leave_one(tmp_path):
    with pytest.raises(ValueError, match="keep"):
        CheckpointFolder(tmp_path, keep=0)


WRITER = """
import sys
import deepnet as dn
from deepnet.io import CheckpointFolder
folder = CheckpointFolder(sys.argv[1], keep=1)
state = folder.load()
step = state["step"] if state else 0
print("ready", flush=True)
while True:
    step += 1
    folder.save({"step": step, "w": dn.full((200_000,), float(step))})
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_instant_leaves_a_whole_one(tmp_path):
    reached = 0
    for i in range(6):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.15 + 0.017 * i)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        state = CheckpointFolder(tmp_path).load()
        if state is None:  # killed before its first was whole
            assert reached == 0
            continue
        assert state["step"] >= reached
        assert set(state["w"].tolist()) == {float(state["step"])}
        reached = state["step"]
    assert reached > 0
