import pytest

import deepnet as dn
from deepnet import nn
from deepnet.train import summary


def test_a_convolutional_network():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )
    found = summary(model, dn.zeros(1, 3, 8, 8))
    assert [layer.kind for layer in found.layers] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Flatten", "Linear"]
    assert found.layers[0].shape == (1, 8, 8, 8)
    assert found.parameters == 3 * 8 * 9 + 16 + 1290
    assert found.multiplications == 8 * 64 * 27 + 8 * 64 + 1280
    assert "1 x 8 x 8 x 8" in str(found)
    assert model.training
    assert model[1].num_batches_tracked.item() == 0


def test_shared_and_frozen_parameters_count_once():
    layer = nn.Linear(4, 4)
    layer.bias.requires_grad_(False)
    found = summary(nn.Sequential(layer, nn.ReLU(), layer), dn.zeros(2, 4))
    assert found.parameters == 20
    assert found.trainable == 16
    assert found.multiplications == 2 * 2 * 16


@pytest.mark.parametrize(
    ("layer", "shape", "multiplications"),
    [
        (nn.Conv1d(4, 6, 3, groups=2), (2, 4, 10), 2 * 6 * 8 * 2 * 3),
        (nn.ConvTranspose2d(2, 3, 4, stride=2), (1, 2, 5, 5), 50 * 3 * 16),
        (nn.LSTM(5, 7, batch_first=True), (2, 3, 5), 6 * 4 * 7 * 12),
        (nn.LayerNorm(6), (2, 6), 12),
        (nn.Embedding(9, 4), None, 0),
    ],
)
def test_multiplications(layer, shape, multiplications):
    x = dn.zeros(*shape) if shape else dn.zeros(2, 3, dtype=dn.int64)
    assert summary(layer, x).multiplications == multiplications


def test_attention_is_one_row():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x)[0]

    found = summary(Block(), dn.zeros(2, 5, 8))
    assert [layer.kind for layer in found.layers] == ["MultiheadAttention"]
    assert found.parameters == 4 * 64 + 32
    assert found.multiplications == 4 * 10 * 64 + 2 * 10 * 5 * 8
