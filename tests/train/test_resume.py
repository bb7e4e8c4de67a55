"""A run that is stopped, by whatever, and resumed ends with the bits of one left alone."""

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

import deepnet as dn
from deepnet import nn, optim
from deepnet.io import weights_hash
from deepnet.train import Callback, Checkpoint, EarlyStopping, Schedule, fit
from deepnet.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    """Samples that differ at every reading: they draw from all three global generators."""

    def __len__(self):
        return 40

    def __getitem__(self, index):
        noise = random.random() + np.random.rand()
        x = dn.randn(6) + index / 20 + 0.1 * noise
        return x, index % 3


class Stop(Callback):
    def __init__(self, step):
        self.step = step

    def on_step(self, run):
        if run.step == self.step:
            run.stop("enough")


class Die(Callback):
    """Dies as by a fault: no callback hears of it."""

    def __init__(self, step):
        self.step = step

    def on_step(self, run):
        if run.step == self.step:
            raise MemoryError


def run(folder, *extra, generator=False, resume=False, epochs=4):
    dn.manual_seed(11)
    random.seed(11)
    np.random.seed(11)
    own = dn.Generator().manual_seed(5) if generator else None
    data = DataLoader(Noisy(), batch_size=8, shuffle=True, generator=own)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    schedule = Schedule(optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=epochs * len(data)), every="step")
    keep = Checkpoint(folder, every_steps=2, resume=resume)
    history = fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        data,
        epochs=epochs,
        validation=data,
        metrics=["accuracy"],
        callbacks=[keep, schedule, *extra],
        progress=False,
    )
    figures = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return weights_hash(model.state_dict()), figures


@pytest.mark.parametrize("generator", [False, True])
@pytest.mark.parametrize("step", [1, 2, 5, 6, 13, 20])
def test_an_error_then_resume(tmp_path, step, generator):
    alone = run(tmp_path / "alone", generator=generator)
    with pytest.raises(MemoryError):
        run(tmp_path / "died", Die(step), generator=generator)
    assert run(tmp_path / "died", generator=generator, resume=True) == alone


def test_a_finished_run_resumes_to_itself(tmp_path):
    alone = run(tmp_path)
    assert run(tmp_path, resume=True) == alone


def test_resume_without_a_checkpoint_begins(tmp_path):
    assert run(tmp_path / "a", resume=True) == run(tmp_path / "b")


def test_a_new_run_does_not_see_old_checkpoints(tmp_path):
    alone = run(tmp_path)
    assert run(tmp_path) == alone


class Press(Callback):
    def on_step(self, run):
        if run.step == 7:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_then_resume(tmp_path):
    alone = run(tmp_path / "alone")
    early = EarlyStopping("loss", patience=100)
    with_early = run(tmp_path / "early", early)
    run(tmp_path / "pressed", Press(), EarlyStopping("loss", patience=100))
    assert (tmp_path / "pressed" / "best.safetensors").is_file()
    assert run(tmp_path / "pressed", EarlyStopping("loss", patience=100), resume=True) == with_early
    assert with_early[1] == alone[1]


def test_a_run_stopped_early_stays_stopped(tmp_path):
    first = run(tmp_path, Stop(9))
    assert run(tmp_path, resume=True) == first


def test_other_callbacks_are_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(ValueError, match="callbacks"):
        run(tmp_path, EarlyStopping("loss"), resume=True)


PROGRAM = """
import sys
import deepnet as dn
from deepnet import nn, optim
from deepnet.io import weights_hash
from deepnet.train import Callback, Checkpoint, fit
from deepnet.utils.data import DataLoader, TensorDataset
import os, signal

class Die(Callback):
    def on_step(self, run):
        if run.step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

dn.manual_seed(0)
x, y = dn.randn(200, 10), dn.randint(0, 4, (200,))
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 4))
data = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)
fit(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), data, epochs=3, progress=False,
    callbacks=[Checkpoint(sys.argv[1], every_steps=3, resume=True), Die()])
print(weights_hash(model.state_dict()))
"""


def program(folder, die_at):
    return subprocess.run([sys.executable, "-c", PROGRAM, str(folder), str(die_at)], capture_output=True, text=True)


@pytest.mark.slow
def test_sigkill_then_resume(tmp_path):
    alone = program(tmp_path / "alone", -1)
    assert alone.returncode == 0, alone.stderr
    for step in (4, 14, 17, 30):
        assert program(tmp_path / "killed", step).returncode == -signal.SIGKILL
    assert program(tmp_path / "killed", -1).stdout == alone.stdout
