"""Functions against plain NumPy, and what they refuse."""

import itertools

import numpy as np
import pytest

import deepnet
import deepnet.nn.functional as F

RNG = np.random.default_rng(0)


def t(x, grad=False):
    return deepnet.tensor(np.asarray(x, np.float64), requires_grad=grad)


def check_gradient(f, *arrays):
    """The directional derivative of sum(f * w) against a central difference, in float64."""
    inputs = [t(a, True) for a in arrays]
    y = f(*inputs)
    w = t(RNG.standard_normal(tuple(y.shape)))
    (y * w).sum().backward()
    directions = [RNG.standard_normal(a.shape) for a in arrays]
    h = 1e-6
    ends = [float((f(*[t(a + s * h * d) for a, d in zip(arrays, directions, strict=True)]) * w).sum()) for s in (1, -1)]
    want = (ends[0] - ends[1]) / (2 * h)
    got = sum(float((x.grad.numpy() * d).sum()) for x, d in zip(inputs, directions, strict=True) if x.grad is not None)
    assert got == pytest.approx(want, rel=1e-5, abs=1e-7)


def conv_reference(x, w, stride, pad, dilation):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, _, h, _ = x.shape
    o, _, k, _ = w.shape
    out = (h - dilation * (k - 1) - 1) // stride + 1
    y = np.zeros((n, o, out, out))
    for i, j in itertools.product(range(out), repeat=2):
        rows = slice(i * stride, i * stride + dilation * (k - 1) + 1, dilation)
        cols = slice(j * stride, j * stride + dilation * (k - 1) + 1, dilation)
        y[:, :, i, j] = np.einsum("nchw,ochw->no", x[:, :, rows, cols], w)
    return y


@pytest.mark.parametrize(("stride", "pad", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2)])
def test_conv2d(stride, pad, dilation):
    x, w = RNG.standard_normal((2, 3, 7, 7)), RNG.standard_normal((4, 3, 3, 3))
    got = F.conv2d(t(x), t(w), None, stride, pad, dilation)
    np.testing.assert_allclose(got.numpy(), conv_reference(x, w, stride, pad, dilation), rtol=1e-12, atol=1e-12)
    single = F.conv2d(t(x[0]), t(w), None, stride, pad, dilation)
    assert np.array_equal(single.numpy(), got[0].numpy())


def test_conv_transpose_is_the_convolutions_transpose():
    x, w, y = RNG.standard_normal((1, 3, 6)), RNG.standard_normal((4, 3, 3)), RNG.standard_normal((1, 4, 3))
    forward = F.conv1d(t(x), t(w), stride=2, padding=1)
    back = F.conv_transpose1d(t(y), t(w), stride=2, padding=1, output_padding=1)
    assert back.shape == x.shape
    assert float((forward * t(y)).sum()) == pytest.approx(float((back * t(x)).sum()))
    check_gradient(lambda a, b: F.conv_transpose1d(a, b, stride=2, padding=1, output_padding=1), y, w)


@pytest.mark.parametrize(
    "f",
    [
        F.hardtanh, F.hardshrink, F.softshrink, F.softsign, F.tanhshrink, F.selu, F.glu, F.softmin, F.logsigmoid,
        lambda x: F.prelu(x, t([0.2])),
        lambda x: F.threshold(x, 0.1, 3.0),
        lambda x: F.normalize(x, dim=-1),
        lambda x: F.local_response_norm(x.reshape(1, 4, 6), 3),
        lambda x: F.pad(x.reshape(1, 4, 6), (2, 3), "reflect"),
        lambda x: F.pad(x.reshape(1, 4, 6), (2, 3), "circular"),
        lambda x: F.pad(x.reshape(1, 4, 6), (2, -1), "replicate"),
        lambda x: F.interpolate(x.reshape(1, 1, 4, 6), (6, 4), mode="bilinear"),
        lambda x: F.interpolate(x.reshape(1, 1, 4, 6), (7, 5), mode="bicubic", align_corners=True),
        lambda x: F.interpolate(x.reshape(1, 1, 4, 6), (2, 3), mode="bilinear", antialias=True),
        lambda x: F.interpolate(x.reshape(1, 1, 4, 6), scale_factor=2),
        lambda x: F.unfold(x.reshape(1, 2, 4, 3), 2, dilation=(2, 1), padding=1),
        lambda x: F.fold(x.reshape(1, 4, 6), (3, 4), 2),
        lambda x: F.pixel_shuffle(x.reshape(1, 4, 2, 3), 2),
        lambda x: F.instance_norm(x.reshape(2, 3, 4)),
        lambda x: F.lp_pool1d(x.abs().reshape(1, 4, 6), 3.0, 2),
        lambda x: F.kl_div(x, t(np.full((4, 6), 0.3))),
        lambda x: F.cosine_similarity(x, x.flip(0)),
        lambda x: F.pairwise_distance(x, x.flip(1)),
        lambda x: F.pdist(x),
        lambda x: F.smooth_l1_loss(x, t(np.zeros((4, 6))), beta=0.3),
        lambda x: F.binary_cross_entropy_with_logits(x, t(np.full((4, 6), 0.3))),
        lambda x: F.binary_cross_entropy(F.sigmoid(x), t(np.full((4, 6), 0.3))),
        lambda x: F.multi_margin_loss(x, deepnet.tensor([0, 1, 2, 3])),
        lambda x: F.grid_sample(x.reshape(1, 1, 4, 6), t(np.linspace(-1.2, 1.3, 12).reshape(1, 2, 3, 2)), align_corners=False),
    ],
)  # fmt: skip
def test_gradient(f):
    check_gradient(f, RNG.standard_normal((4, 6)))


def test_in_place_activations_have_the_right_gradient():
    for f in (F.elu, F.leaky_relu, F.silu, F.hardswish, F.relu, F.celu, F.selu, F.mish):
        x = RNG.standard_normal((3, 4))
        a, b = t(x, True), t(x, True)
        f(a * 2).sum().backward()
        y = b * 2
        assert f(y, inplace=True) is y
        y.sum().backward()
        np.testing.assert_allclose(b.grad.numpy(), a.grad.numpy())


def test_binary_cross_entropy_at_the_ends():
    p = t([0.0, 1.0, 0.0, 1.0], True)
    loss = F.binary_cross_entropy(p, t([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0.0, 0.0, 100.0, 100.0]
    loss.sum().backward()
    assert np.all(np.isfinite(p.grad.numpy()))
    assert p.grad[2] < 0 < p.grad[3]


def test_fold_undoes_unfold_where_blocks_do_not_overlap():
    x = t(RNG.standard_normal((2, 3, 4, 6)))
    assert np.array_equal(F.fold(F.unfold(x, 2, stride=2), (4, 6), 2, stride=2).numpy(), x.numpy())


def brute_ctc(probs, target, blank):
    total = 0.0
    for path in itertools.product(range(probs.shape[1]), repeat=probs.shape[0]):
        merged = [k for k, _ in itertools.groupby(path)]
        if [k for k in merged if k != blank] == list(target):
            total += np.prod([probs[i, k] for i, k in enumerate(path)])
    return -np.log(total)


def test_ctc_counts_all_alignments():
    logits = RNG.standard_normal((4, 3, 3))
    lp = F.log_softmax(t(logits), -1)
    targets = deepnet.tensor([[1, 2], [1, 1], [2, 0]])
    lengths = [2, 2, 1]
    got = F.ctc_loss(lp, targets, [4, 4, 3], lengths, reduction="none")
    probs = np.exp(lp.numpy())
    want = [brute_ctc(probs[: (4, 4, 3)[n], n], targets[n].tolist()[: lengths[n]], 0) for n in range(3)]
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-10)
    check_gradient(lambda x: F.ctc_loss(F.log_softmax(x, -1), targets, [4, 4, 3], lengths), logits)
    impossible = F.ctc_loss(lp[:1], targets, [1, 1, 1], lengths, reduction="none")
    assert np.isinf(impossible.numpy()[:2]).all()
    assert F.ctc_loss(lp[:1], targets, [1, 1, 1], lengths, reduction="none", zero_infinity=True).tolist()[:2] == [0, 0]


def test_scale_by_frequency_and_max_norm():
    weight = deepnet.ones(4, 2, requires_grad=True)
    F.embedding(deepnet.tensor([1, 1, 1, 2]), weight, scale_grad_by_freq=True).sum().backward()
    assert weight.grad.tolist() == [[0, 0], [1, 1], [1, 1], [0, 0]]
    table = deepnet.full((3, 2), 3.0)
    F.embedding(deepnet.tensor([0, 0, 2]), table, max_norm=1.0)
    np.testing.assert_allclose(np.linalg.norm(table.numpy(), axis=1), [1, 3 * 2**0.5, 1], rtol=1e-5)


def test_dropout_of_channels():
    y = F.dropout2d(deepnet.ones(8, 16, 3, 3), 0.5).numpy()
    assert set(np.unique(y)) == {0.0, 2.0}
    assert np.all(y == y[:, :, :1, :1])
    x = deepnet.randn(4000)
    z = F.alpha_dropout(x, 0.3, training=True).numpy()
    assert abs(z.mean()) < 0.15
    assert abs(z.std() - 1) < 0.15


def test_gumbel_softmax_is_one_hot_where_hard():
    y = F.gumbel_softmax(deepnet.zeros(5, 4, requires_grad=True), hard=True)
    assert np.allclose(np.sort(y.detach().numpy(), -1), [[0, 0, 0, 1]])
    assert y.requires_grad


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: F.conv2d(t(np.ones((3,))), t(np.ones((1, 1, 2, 2)))), "conv2d"),
        (lambda: F.conv2d(t(np.ones((1, 1, 4, 4))), t(np.ones((1, 1, 2, 2))), padding="full"), "padding"),
        (lambda: F.max_pool2d(t(np.ones((3, 3))), 2), "max_pool2d"),
        (lambda: F.pad(t(np.ones((1, 3))), (3, 0), "reflect"), "at most 2"),
        (lambda: F.pad(t(np.ones(3)), (1, 1, 1)), "divisible by 2"),
        (lambda: F.interpolate(t(np.ones((1, 1, 3))), mode="bilinear", size=2), "bilinear"),
        (lambda: F.interpolate(t(np.ones((1, 1, 3)))), "exactly one"),
        (lambda: F.mse_loss(t([1.0]), t([1.0]), reduction="average"), "reduction"),
        (lambda: F.dropout(t([1.0]), 1.5), "between 0 and 1"),
        (lambda: F.glu(t(np.ones(3))), "even"),
        (lambda: F.one_hot(deepnet.tensor([3]), 2), "smaller than num_classes"),
        (lambda: F.group_norm(t(np.ones((1, 3, 2))), 2), "divisible"),
        (lambda: F.batch_norm(t(np.ones((1, 3))), None, None, training=True), "more than 1 value"),
        (lambda: F.triplet_margin_loss(t([1.0]), t([1.0]), t([1.0]), margin=0), "margin"),
        (lambda: F.pixel_shuffle(t(np.ones((1, 3, 2, 2))), 2), "divisible"),
        (lambda: F.ctc_loss(t(np.ones((2, 1, 3))), deepnet.tensor([[1]]), [3], [1]), "input_lengths"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
