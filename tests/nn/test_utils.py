"""Initial values, gradients' bounds, sequences, reparametrised weights, fusion."""

import numpy as np
import pytest

import deepnet
import deepnet.nn as nn
from deepnet.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    fuse_conv_bn_eval,
    parameters_to_vector,
    remove_spectral_norm,
    remove_weight_norm,
    spectral_norm,
    vector_to_parameters,
    weight_norm,
)
from deepnet.nn.utils.rnn import (
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda w: nn.init.uniform_(w, -1, 1), 1 / 3**0.5),
        (lambda w: nn.init.normal_(w, 0, 0.5), 0.5),
        (lambda w: nn.init.trunc_normal_(w, 0, 1, -10, 10), 1.0),
        (nn.init.xavier_uniform_, (2 / (200 + 100)) ** 0.5),
        (nn.init.xavier_normal_, (2 / (200 + 100)) ** 0.5),
        (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"), (2 / 200) ** 0.5),
        (lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), (2 / 100) ** 0.5),
    ],
)
def test_initial_deviation(fill, std):
    w = deepnet.empty(100, 200)
    assert fill(w) is w
    assert float(w.std()) == pytest.approx(std, rel=0.05)
    assert abs(float(w.mean())) < 0.05 * std + 0.01


def test_structured_initial_values():
    for shape in ((4, 6), (6, 4), (3, 2, 3)):
        w = nn.init.orthogonal_(deepnet.empty(*shape)).numpy().reshape(shape[0], -1)
        small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-5)
    assert nn.init.eye_(deepnet.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    w = nn.init.dirac_(deepnet.empty(4, 2, 3), groups=2)
    x = deepnet.randn(1, 4, 5)
    assert np.array_equal(nn.functional.conv1d(x, w, padding=1, groups=2).numpy(), x.numpy())
    assert float((nn.init.sparse_(deepnet.empty(10, 3), 0.4) == 0).sum()) == 12
    bounded = nn.init.trunc_normal_(deepnet.empty(1000)).numpy()
    assert np.abs(bounded).max() <= 2
    with pytest.raises(ValueError, match="nonlinearity"):
        nn.init.calculate_gain("step")


def test_clipping():
    params = [nn.Parameter(deepnet.zeros(2)), nn.Parameter(deepnet.zeros(1)), nn.Parameter(deepnet.zeros(1))]
    params[0].grad, params[1].grad = deepnet.tensor([3.0, 0.0]), deepnet.tensor([4.0])
    assert float(clip_grad_norm_(params, 2.5)) == 5
    np.testing.assert_allclose(params[1].grad.numpy(), [2.0], rtol=1e-5)
    assert float(clip_grad_norm_(params, 100.0, norm_type=float("inf"))) == pytest.approx(2, rel=1e-5)
    clip_grad_value_(params, 1.0)
    assert params[1].grad.tolist() == [1.0]
    params[1].grad = deepnet.tensor([float("nan")])
    with pytest.raises(RuntimeError, match="non-finite"):
        clip_grad_norm_(params, 1.0, error_if_nonfinite=True)


def test_parameters_as_a_vector():
    net = nn.Linear(2, 3)
    vector = parameters_to_vector(net.parameters())
    assert vector.shape == (9,)
    vector_to_parameters(deepnet.arange(9).float(), net.parameters())
    assert net.bias.tolist() == [6, 7, 8]


@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_and_back(batch_first):
    rows = [deepnet.randn(n, 3) for n in (2, 5, 3)]
    padded = pad_sequence(rows, batch_first)
    packed = pack_padded_sequence(padded, deepnet.tensor([2, 5, 3]), batch_first, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 3, 2, 1, 1]
    back, lengths = pad_packed_sequence(packed, batch_first)
    assert np.array_equal(back.numpy(), padded.numpy())
    assert lengths.tolist() == [2, 5, 3]
    for a, b in zip(rows, unpad_sequence(padded, lengths, batch_first), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    for a, b in zip(rows, unpack_sequence(pack_sequence(rows, enforce_sorted=False)), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    with pytest.raises(ValueError, match="sorted"):
        pack_padded_sequence(padded, [2, 5, 3], batch_first)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_run_as_each_alone(kind, bidirectional):
    net = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=bidirectional)
    rows = [deepnet.randn(n, 3) for n in (2, 5, 3)]
    packed, states = net(pack_sequence(rows, enforce_sorted=False))
    outputs, _ = pad_packed_sequence(packed)
    for i, row in enumerate(rows):
        alone, state = net(row)
        np.testing.assert_allclose(outputs[: len(row), i].detach().numpy(), alone.detach().numpy(), rtol=1e-5, atol=1e-6)
        for mine, whole in zip(state if kind == "LSTM" else [state], states if kind == "LSTM" else [states], strict=True):
            np.testing.assert_allclose(whole[:, i].detach().numpy(), mine.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_weight_norm():
    layer = nn.Linear(3, 2)
    x = deepnet.randn(4, 3)
    before = layer(x).detach().numpy()
    weight_norm(layer)
    assert sorted(k for k, _ in layer.named_parameters()) == ["bias", "weight_g", "weight_v"]
    np.testing.assert_allclose(layer(x).detach().numpy(), before, rtol=1e-5, atol=1e-6)
    layer(x).sum().backward()
    assert layer.weight_g.grad.shape == (2, 1)
    remove_weight_norm(layer)
    np.testing.assert_allclose(layer(x).detach().numpy(), before, rtol=1e-5, atol=1e-6)
    assert isinstance(layer.weight, nn.Parameter)


def test_spectral_norm():
    layer = spectral_norm(nn.Linear(6, 5), n_power_iterations=30)
    layer(deepnet.randn(2, 6)).sum().backward()
    assert np.linalg.norm(layer.weight.detach().numpy(), 2) == pytest.approx(1, rel=1e-3)
    assert layer.weight_orig.grad is not None
    assert {"weight_orig", "weight_u", "weight_v"} <= set(layer.state_dict())
    remove_spectral_norm(layer)
    assert list(layer.state_dict()) == ["bias", "weight"]


def test_fusion_of_convolution_and_norm():
    conv, norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
    x = deepnet.randn(2, 3, 6, 6)
    norm(conv(x))
    with pytest.raises(ValueError, match="eval"):
        fuse_conv_bn_eval(conv, norm)
    conv.eval()
    norm.eval()
    want = norm(conv(x)).detach().numpy()
    np.testing.assert_allclose(fuse_conv_bn_eval(conv, norm)(x).detach().numpy(), want, rtol=1e-4, atol=1e-5)
