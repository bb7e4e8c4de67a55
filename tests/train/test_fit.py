import math
import os
import signal

import pytest

import deepnet as dn
from deepnet import nn, optim
from deepnet.io import weights_hash
from deepnet.train import Callback, CSVLog, EarlyStopping, NonFiniteLoss, Schedule, accuracy, evaluate, fit, predict
from deepnet.utils.data import DataLoader, TensorDataset


def problem(count=96, batch=16, shuffle=True):
    """Points in the plane; is x or y larger?"""
    x = dn.randn(count, 2)
    y = (x[:, 0] > x[:, 1]).to(dn.int64)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2))
    optimizer = optim.AdamW(model.parameters(), lr=0.02)
    return model, optimizer, DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=shuffle)


def test_it_learns_and_reports():
    model, optimizer, data = problem()
    history = fit(
        model, nn.CrossEntropyLoss(), optimizer, data, epochs=15, validation=data, metrics=["accuracy"], progress=False
    )
    assert len(history) == 15
    assert history.columns == ["epoch", "step", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert history["val_accuracy"][-1] > 0.9
    assert history["step"][-1] == 15 * 6
    assert not history.interrupted
    assert evaluate(model, data, nn.CrossEntropyLoss(), "accuracy")["accuracy"] == history["val_accuracy"][-1]
    assert tuple(predict(model, data.dataset.tensors[0], batch=10).shape) == (96, 2)


def test_the_progress_bar_shows_loss_and_rate(capsys):
    model, optimizer, data = problem()
    fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=2, validation=data)
    shown = capsys.readouterr().err
    assert "batch/s" in shown
    assert "loss" in shown
    assert "12/12" in shown
    assert "val_loss" in shown


def test_steps_end_a_run_within_an_epoch():
    model, optimizer, data = problem()
    history = fit(model, nn.CrossEntropyLoss(), optimizer, data, steps=8, progress=False)
    assert history["step"] == [6, 8]


def test_no_epoch_or_step_means_one_epoch():
    model, optimizer, data = problem()
    assert len(fit(model, nn.CrossEntropyLoss(), optimizer, data, progress=False)) == 1


def test_a_tensor_alone_is_its_own_target():
    x = dn.randn(32, 4)
    model = nn.Linear(4, 4)
    history = fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.5), [x], epochs=100, progress=False)
    assert history["loss"][-1] < 0.1 * history["loss"][0]


def test_several_inputs_reach_the_model():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(dn.zeros(1))

        def forward(self, a, b):
            return self.scale * (a + b)

    a, b = dn.randn(20), dn.randn(20)
    model = Sum()
    fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), [(a, b, a + b)], epochs=100, progress=False)
    assert abs(model.scale.item() - 1) < 1e-2


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulation_gives_the_whole_batchs_bits(parts):
    hashes = []
    for accumulate in (1, parts):
        dn.manual_seed(3)
        x, y = dn.randn(512, 20), dn.randint(0, 5, (512,))
        model = nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 5))
        data = DataLoader(TensorDataset(x, y), batch_size=256)
        fit(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), data, epochs=3, accumulate=accumulate, progress=False)
        hashes.append(weights_hash(model.state_dict()))
    assert hashes[0] == hashes[1]


def test_accumulation_weighs_a_ragged_batch_by_samples():
    steps = []
    for accumulate in (1, 3):
        dn.manual_seed(1)
        model = nn.Linear(3, 1)
        x, y = dn.randn(10, 3), dn.randn(10, 1)
        fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), [(x, y)], accumulate=accumulate, progress=False)
        steps.append(model.weight.detach().clone())
    assert (steps[0] - steps[1]).abs().max().item() < 1e-6


def test_clipping_bounds_the_step():
    model = nn.Linear(2, 1)
    before = model.weight.detach().clone(), model.bias.detach().clone()
    x, y = dn.ones(4, 2) * 100, dn.ones(4, 1) * 1e4
    fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=1.0), [(x, y)], clip=0.5, progress=False)
    moved = (model.weight - before[0]).square().sum() + (model.bias - before[1]).square().sum()
    assert math.isclose(math.sqrt(moved.item()), 0.5, rel_tol=1e-4)


class Blast(nn.Module):
    def forward(self, x):
        return x / 0.0


@pytest.mark.parametrize(
    ("model", "x", "words"),
    [
        (nn.Sequential(nn.Linear(2, 2), Blast(), nn.Linear(2, 2)), dn.ones(4, 2), "output of 1 (Blast)"),
        (nn.Sequential(nn.Linear(2, 2)), dn.full((4, 2), math.nan), "input 0 of the batch"),
    ],
)
def test_a_nan_is_named(model, x, words):
    data = [(x, dn.zeros(4, dtype=dn.int64))]
    before = weights_hash(model.state_dict())
    with pytest.raises(NonFiniteLoss, match="at step 1") as caught:
        fit(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), data, progress=False)
    assert words in str(caught.value)
    assert weights_hash(model.state_dict()) == before


def test_a_nan_in_a_parameter_is_named():
    model = nn.Linear(2, 2)
    with dn.no_grad():
        model.bias[0] = math.inf
    with pytest.raises(NonFiniteLoss, match="parameter 'bias'"):
        fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), [(dn.ones(1, 2), dn.ones(1, 2))], progress=False)


class Press(Callback):
    """Ctrl-C at a step."""

    def __init__(self, step, times=1):
        self.step = step
        self.times = times

    def on_step(self, run):
        if run.step == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_after_the_step():
    model, optimizer, data = problem()
    before = signal.getsignal(signal.SIGINT)
    history = fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=9, callbacks=[Press(8)], progress=False)
    assert history.interrupted
    assert history["epoch"] == [1]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_raises():
    model, optimizer, data = problem()
    with pytest.raises(KeyboardInterrupt):
        fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=9, callbacks=[Press(8, times=2)], progress=False)


def test_early_stopping_goes_back_to_the_best():
    model, optimizer, data = problem()
    seen = {}

    class Watch(Callback):
        def on_epoch(self, run):
            seen[run.epoch] = weights_hash(run.model.state_dict())

    worse = EarlyStopping("rising_loss", patience=3)
    rising = iter([3.0, 1.0, 2.0, 2.0, 2.0, 0.0])

    class Rise(Callback):
        def on_epoch(self, run):
            run.history.rows[-1]["rising_loss"] = next(rising)

    history = fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=50, callbacks=[Rise(), Watch(), worse], progress=False)
    assert len(history) == 5
    assert "rising_loss" in history.stopped
    assert weights_hash(model.state_dict()) == seen[2]


def test_an_unknown_figure_is_refused_with_those_known():
    model, optimizer, data = problem()
    with pytest.raises(KeyError, match="val_loss.*has epoch"):
        fit(model, nn.CrossEntropyLoss(), optimizer, data, callbacks=[EarlyStopping("val_loss")], progress=False)


def test_schedules_step_by_epoch_and_by_step():
    model, optimizer, data = problem()
    by_epoch = Schedule(optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5))
    history = fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=3, callbacks=[by_epoch], progress=False)
    assert history["lr"] == [0.02, 0.01, 0.005]
    by_step = Schedule(optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step)), every="step")
    fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=1, callbacks=[by_step], progress=False)
    assert math.isclose(optimizer.param_groups[0]["lr"], 0.02 / 7)
    with pytest.raises(ValueError, match="every"):
        Schedule(by_step.scheduler, every="batch")


def test_the_csv_log_is_the_history(tmp_path):
    model, optimizer, data = problem()
    log = CSVLog(tmp_path / "logs" / "log.csv")
    history = fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=2, callbacks=[log], progress=False)
    lines = log.path.read_text().splitlines()
    assert lines[0] == ",".join(history.columns)
    assert float(lines[2].split(",")[2]) == history["loss"][1]


def test_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    model, optimizer, data = problem()
    history = fit(
        model, nn.CrossEntropyLoss(), optimizer, data, epochs=2, validation=data, metrics=["accuracy"], progress=False
    )
    history.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_tensorboard_gets_the_figures(tmp_path):
    pytest.importorskip("tensorboardX")
    from deepnet.train import TensorBoard

    model, optimizer, data = problem()
    fit(model, nn.CrossEntropyLoss(), optimizer, data, epochs=2, callbacks=[TensorBoard(tmp_path, every=1)], progress=False)
    assert list(tmp_path.glob("events*"))


def test_mistakes_are_named():
    model, optimizer, data = problem()
    with pytest.raises(ValueError, match="accumulate"):
        fit(model, nn.CrossEntropyLoss(), optimizer, data, accumulate=0)
    with pytest.raises(ValueError, match="yielded no batch"):
        fit(model, nn.CrossEntropyLoss(), optimizer, [], progress=False)
    with pytest.raises(ValueError, match="unknown metric 'acuracy'"):
        fit(model, nn.CrossEntropyLoss(), optimizer, data, metrics=["acuracy"])
    with pytest.raises(ValueError, match="mode="):
        EarlyStopping("val_score")


def test_accuracy_of_classes_and_of_yes_or_no():
    logits = dn.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [5.0, 4.0]])
    assert accuracy(logits, dn.tensor([0, 1, 1, 0])) == 0.75
    assert accuracy(dn.tensor([2.0, -1.0]), dn.tensor([1.0, 1.0])) == 0.5
    assert accuracy(dn.tensor([[2.0], [-1.0]]), dn.tensor([[1.0], [0.0]])) == 1.0


def test_evaluation_leaves_the_mode_and_the_random_state():
    model, _, data = problem(shuffle=False)
    model[2].eval()
    evaluate(model, data, nn.CrossEntropyLoss())
    assert model.training
    assert not model[2].training
