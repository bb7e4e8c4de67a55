"""Every layer against PyTorch's: repr, state keys, outputs and gradients with the same weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import deepnet  # noqa: E402
import deepnet.nn as nn  # noqa: E402

RNG = np.random.default_rng(0)


def f(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def i(high, *shape):
    return RNG.integers(0, high, shape)


# (class, arguments, inputs); a dict at the end of the arguments holds keywords.
CASES = [
    ("Linear", (4, 3), (f(2, 5, 4),)),
    ("Linear", (4, 3, {"bias": False}), (f(4),)),
    ("Bilinear", (3, 4, 2), (f(5, 3), f(5, 4))),
    ("Identity", (), (f(3),)),
    ("Conv1d", (4, 6, 3, {"padding": 1, "groups": 2}), (f(2, 4, 9),)),
    ("Conv1d", (4, 6, 3, {"padding": "same", "dilation": 2}), (f(4, 9),)),
    ("Conv2d", (3, 8, 3, {"stride": 2, "padding": 1}), (f(2, 3, 9, 8),)),
    ("Conv2d", (3, 8, (2, 4), {"padding": "same", "bias": False}), (f(2, 3, 7, 8),)),
    ("Conv2d", (3, 4, 3, {"padding": (1, 2), "padding_mode": "reflect"}), (f(2, 3, 7, 8),)),
    ("Conv2d", (3, 4, 3, {"padding": 1, "padding_mode": "circular"}), (f(2, 3, 7, 8),)),
    ("Conv2d", (4, 4, 3, {"padding": 1, "groups": 4, "padding_mode": "replicate"}), (f(2, 4, 7, 8),)),
    ("Conv3d", (2, 4, 3, {"padding": 1}), (f(1, 2, 5, 6, 7),)),
    ("ConvTranspose1d", (4, 6, 3, {"stride": 2, "output_padding": 1}), (f(2, 4, 9),)),
    ("ConvTranspose2d", (4, 6, 4, {"stride": 2, "padding": 1}), (f(2, 4, 5, 6),)),
    ("ConvTranspose2d", (4, 6, 3, {"groups": 2, "dilation": 2, "bias": False}), (f(4, 5, 6),)),
    ("ConvTranspose3d", (2, 3, 3, {"stride": 2}), (f(1, 2, 4, 3, 3),)),
    ("MaxPool1d", (3,), (f(2, 3, 10),)),
    ("MaxPool2d", (3, 2, 1), (f(2, 3, 10, 9),)),
    ("MaxPool2d", (2, {"ceil_mode": True}), (f(3, 7, 9),)),
    ("MaxPool3d", (2,), (f(2, 3, 4, 6, 5),)),
    ("AvgPool1d", (3,), (f(2, 3, 10),)),
    ("AvgPool2d", (3, 2, 1, {"count_include_pad": False}), (f(2, 3, 10, 9),)),
    ("AvgPool3d", (2, {"ceil_mode": True}), (f(2, 3, 5, 6, 5),)),
    ("AdaptiveAvgPool1d", (3,), (f(2, 3, 10),)),
    ("AdaptiveAvgPool2d", ((3, None),), (f(2, 3, 10, 9),)),
    ("AdaptiveAvgPool3d", (2,), (f(2, 3, 4, 5, 6),)),
    ("AdaptiveMaxPool1d", (3,), (f(2, 3, 10),)),
    ("AdaptiveMaxPool2d", ((3, 2),), (f(2, 3, 10, 9),)),
    ("AdaptiveMaxPool3d", (2,), (f(2, 3, 4, 5, 6),)),
    ("LPPool1d", (2, 3), (np.abs(f(2, 3, 10)),)),
    ("LPPool2d", (2, 3, {"stride": 2}), (f(2, 3, 10, 9),)),
    ("BatchNorm1d", (5,), (f(4, 5),)),
    ("BatchNorm1d", (5,), (f(4, 5, 3),)),
    ("BatchNorm2d", (5, {"momentum": None}), (f(4, 5, 3, 2),)),
    ("BatchNorm2d", (5, {"affine": False, "track_running_stats": False}), (f(4, 5, 3, 2),)),
    ("BatchNorm3d", (5,), (f(2, 5, 3, 2, 2),)),
    ("InstanceNorm1d", (5,), (f(4, 5, 3),)),
    ("InstanceNorm2d", (5, {"affine": True, "track_running_stats": True}), (f(4, 5, 3, 4),)),
    ("InstanceNorm3d", (5,), (f(5, 3, 4, 2),)),
    ("LayerNorm", ((4, 6),), (f(2, 4, 6),)),
    ("LayerNorm", (6, {"bias": False}), (f(2, 4, 6),)),
    ("RMSNorm", (6,), (f(2, 4, 6),)),
    ("GroupNorm", (2, 6), (f(3, 6, 5),)),
    ("LocalResponseNorm", (3,), (f(2, 5, 4, 3),)),
    ("Embedding", (10, 4, {"padding_idx": 2}), (i(10, 3, 5),)),
    ("EmbeddingBag", (10, 4), (i(10, 3, 5),)),
    ("EmbeddingBag", (10, 4, {"mode": "max"}), (i(10, 7), np.array([0, 2, 2, 5]))),
    ("EmbeddingBag", (10, 4, {"mode": "sum"}), (i(10, 7), np.array([0, 2, 5]))),
    ("RNN", (4, 5, 2), (f(6, 3, 4),)),
    ("RNN", (4, 5, {"nonlinearity": "relu", "batch_first": True}), (f(6, 3, 4),)),
    ("LSTM", (4, 5, 2, {"bidirectional": True, "batch_first": True}), (f(6, 3, 4),)),
    ("LSTM", (4, 5, {"bias": False}), (f(6, 4),)),
    ("LSTM", (4, 5, 2, {"proj_size": 3, "bidirectional": True}), (f(6, 3, 4),)),
    ("GRU", (4, 5, 2, {"bidirectional": True}), (f(6, 3, 4),)),
    ("RNNCell", (4, 5), (f(3, 4), f(3, 5))),
    ("LSTMCell", (4, 5), (f(3, 4),)),
    ("GRUCell", (4, 5), (f(4), f(5))),
    ("MultiheadAttention", (8, 2), (f(5, 3, 8),) * 3),
    ("MultiheadAttention", (8, 2, {"batch_first": True, "kdim": 6, "vdim": 4}), (f(3, 5, 8), f(3, 7, 6), f(3, 7, 4))),
    ("MultiheadAttention", (8, 2, {"add_bias_kv": True, "add_zero_attn": True}), (f(5, 8), f(7, 8), f(7, 8))),
    ("TransformerEncoderLayer", (8, 2, 16, 0.0), (f(5, 3, 8),)),
    ("TransformerEncoderLayer", (8, 2, 16, 0.0, "gelu", {"norm_first": True, "batch_first": True}), (f(5, 3, 8),)),
    ("TransformerDecoderLayer", (8, 2, 16, 0.0), (f(5, 3, 8), f(6, 3, 8))),
    ("Transformer", (8, 2, 1, 2, 16, 0.0), (f(5, 3, 8), f(4, 3, 8))),
    ("AdaptiveLogSoftmaxWithLoss", (8, 12, [4, 8], {"div_value": 2.0}), (f(6, 8), i(12, 6))),
    ("Softmax", (1,), (f(3, 4),)),
    ("LogSoftmax", (-1,), (f(3, 4),)),
    ("Softmin", (0,), (f(3, 4),)),
    ("Softmax2d", (), (f(2, 3, 4, 4),)),
    ("PReLU", (3,), (f(2, 3, 4),)),
    ("Threshold", (0.1, 20.0), (f(3, 4),)),
    ("GLU", (), (f(3, 4),)),
    ("Flatten", (), (f(2, 3, 4),)),
    ("Unflatten", (1, (2, 3)), (f(2, 6, 4),)),
    ("PixelShuffle", (2,), (f(2, 8, 3, 4),)),
    ("PixelUnshuffle", (2,), (f(2, 3, 4, 6),)),
    ("ChannelShuffle", (2,), (f(2, 6, 3, 4),)),
    ("Upsample", ({"scale_factor": 2},), (f(2, 3, 4, 5),)),
    ("Upsample", ({"size": (7, 3), "mode": "bilinear"},), (f(2, 3, 4, 5),)),
    ("Upsample", ({"scale_factor": (1.7, 2.3), "mode": "bicubic", "align_corners": True},), (f(2, 3, 4, 5),)),
    ("Upsample", ({"size": 9, "mode": "linear"},), (f(2, 3, 4),)),
    ("Upsample", ({"scale_factor": 2, "mode": "trilinear"},), (f(2, 3, 4, 3, 2),)),
    ("UpsamplingBilinear2d", ({"scale_factor": 3},), (f(2, 3, 4, 5),)),
    ("UpsamplingNearest2d", ({"size": 7},), (f(2, 3, 4, 5),)),
    ("Unfold", ((2, 3), {"dilation": 2, "padding": 1, "stride": 2}), (f(2, 3, 8, 9),)),
    ("Fold", ((5, 6), (2, 3), {"padding": 1}), (f(2, 12, 36),)),
    ("ZeroPad2d", ((1, 2, 0, 3),), (f(2, 3, 4, 5),)),
    ("ConstantPad1d", (2, 3.5), (f(2, 3, 4),)),
    ("ReflectionPad2d", (2,), (f(2, 3, 4, 5),)),
    ("ReplicationPad3d", (1,), (f(2, 3, 4, 5, 2),)),
    ("CircularPad1d", ((2, 1),), (f(2, 3, 4),)),
    ("CosineSimilarity", (), (f(3, 4), f(3, 4))),
    ("PairwiseDistance", (), (f(3, 4), f(3, 4))),
    ("L1Loss", (), (f(3, 4), f(3, 4))),
    ("MSELoss", ({"reduction": "sum"},), (f(3, 4), f(3, 4))),
    ("SmoothL1Loss", ({"beta": 0.5},), (f(3, 4), f(3, 4))),
    ("HuberLoss", ({"delta": 0.5},), (f(3, 4), f(3, 4))),
    ("CrossEntropyLoss", ({"label_smoothing": 0.1},), (f(5, 4), i(4, 5))),
    ("CrossEntropyLoss", ({"ignore_index": 1, "reduction": "none"},), (f(5, 4, 3), i(4, 5, 3))),
    ("NLLLoss", (), (f(5, 4), i(4, 5))),
    ("BCELoss", (), (RNG.random((3, 4), np.float32), RNG.random((3, 4), np.float32))),
    ("BCEWithLogitsLoss", (), (f(3, 4), RNG.random((3, 4), np.float32))),
    ("KLDivLoss", ({"reduction": "batchmean"},), (f(3, 4), RNG.random((3, 4), np.float32))),
    ("PoissonNLLLoss", ({"full": True},), (f(3, 4), RNG.random((3, 4), np.float32) * 5)),
    ("GaussianNLLLoss", ({"full": True},), (f(3, 4), f(3, 4), RNG.random((3, 4), np.float32))),
    ("SoftMarginLoss", (), (f(3, 4), np.where(f(3, 4) > 0, 1, -1))),
    ("MultiLabelSoftMarginLoss", (), (f(3, 4), RNG.integers(0, 2, (3, 4)).astype(np.float32))),
    ("MultiLabelMarginLoss", (), (f(2, 4), np.array([[3, 0, -1, 1], [1, -1, -1, 2]]))),
    ("MultiMarginLoss", ({"p": 2},), (f(3, 4), i(4, 3))),
    ("HingeEmbeddingLoss", (), (f(3, 4), np.sign(f(3, 4)))),
    ("CosineEmbeddingLoss", ({"margin": 0.2},), (f(3, 4), f(3, 4), np.array([1, -1, 1]))),
    ("MarginRankingLoss", ({"margin": 0.2},), (f(3), f(3), np.sign(f(3)))),
    ("TripletMarginLoss", ({"swap": True},), (f(3, 4), f(3, 4), f(3, 4))),
]
PLAIN = (
    "ReLU ReLU6 Sigmoid Tanh GELU SiLU Mish ELU CELU SELU LeakyReLU Softplus Softsign Tanhshrink Hardtanh Hardswish "
    "Hardsigmoid Hardshrink Softshrink LogSigmoid Dropout Dropout2d AlphaDropout RReLU"
)
CASES += [(name, (), (f(3, 4, 5, 6) * 3,)) for name in PLAIN.split()]


def build(space, name, args):
    keywords = args[-1] if args and isinstance(args[-1], dict) else {}
    return getattr(space, name)(*(args[:-1] if keywords else args), **keywords)


def flat(result):
    if result is None:
        return []
    return [t for r in result for t in flat(r)] if isinstance(result, (tuple, list)) else [result]


def case_id(case):
    return f"{case[0]}{case[1]}".replace(" ", "")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_layer(case, training):
    name, args, inputs = case
    theirs = build(torch.nn, name, args).train(training)
    ours = build(nn, name, args).train(training)
    if training and name in ("Dropout", "Dropout2d", "AlphaDropout", "RReLU"):
        return  # random
    assert repr(ours) == repr(theirs)
    state = theirs.state_dict()
    mine = ours.state_dict()
    assert list(mine) == list(state)
    assert [tuple(v.shape) for v in mine.values()] == [tuple(v.shape) for v in state.values()]
    ours.load_state_dict({k: deepnet.tensor(v.numpy()) for k, v in state.items()})
    float_in = [x.dtype == np.float32 for x in inputs]
    a = [torch.tensor(x, requires_grad=g) for x, g in zip(inputs, float_in, strict=True)]
    b = [deepnet.tensor(x, requires_grad=g) for x, g in zip(inputs, float_in, strict=True)]
    out_a, out_b = flat(theirs(*a)), flat(ours(*b))
    assert len(out_a) == len(out_b)
    total_a, total_b = 0.0, 0.0
    for k, (x, y) in enumerate(zip(out_a, out_b, strict=True)):
        np.testing.assert_allclose(y.detach().numpy(), x.detach().numpy(), rtol=2e-4, atol=2e-5)
        weight = np.random.default_rng(k).standard_normal(tuple(x.shape)).astype(np.float32)
        if x.requires_grad:
            total_a = total_a + (x * torch.tensor(weight)).sum()
            total_b = total_b + (y * deepnet.tensor(weight)).sum()
    if not isinstance(total_a, float):
        total_a.backward()
        total_b.backward()
    for x, y in zip(a, b, strict=True):
        if x.grad is not None:
            np.testing.assert_allclose(y.grad.numpy(), x.grad.numpy(), rtol=2e-4, atol=5e-5)
    for (key, p), (_, q) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        if p.grad is not None:
            np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), rtol=2e-4, atol=5e-5, err_msg=key)
    for (key, p), (_, q) in zip(theirs.named_buffers(), ours.named_buffers(), strict=True):
        np.testing.assert_allclose(q.numpy(), p.numpy(), rtol=1e-5, atol=1e-6, err_msg=key)
