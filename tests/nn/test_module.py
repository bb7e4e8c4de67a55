"""Modules: registration, walking, hooks, state, conversion, errors."""

import copy
import pickle

import numpy as np
import pytest

import deepnet
import deepnet.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        self.register_buffer("scale", deepnet.ones(1))
        self.register_buffer("scratch", deepnet.zeros(1), persistent=False)
        self.gain = nn.Parameter(deepnet.ones(1))

    def forward(self, x):
        return self.features(x) * self.gain * self.scale


def test_registration_and_walking():
    net = Net()
    assert [k for k, _ in net.named_parameters()] == [
        "gain", "features.0.weight", "features.0.bias", "features.2.weight", "features.2.bias",
    ]  # fmt: skip
    assert [k for k, _ in net.named_buffers()] == ["scale", "scratch"]
    assert [k for k, _ in net.named_modules()] == ["", "features", "features.0", "features.1", "features.2"]
    assert list(net.state_dict()) == ["gain", "scale", *[k for k, _ in net.named_parameters()][1:]]
    assert net.get_submodule("features.2").out_features == 3
    assert net.get_parameter("features.0.bias").shape == (8,)
    with pytest.raises(AttributeError, match="nope"):
        net.get_submodule("features.nope")


def test_attributes_keep_their_kind():
    net = Net()
    with pytest.raises(TypeError, match="cannot assign"):
        net.gain = deepnet.ones(1)
    with pytest.raises(TypeError, match="cannot assign"):
        net.features = 3
    net.gain = None
    assert "gain" not in dict(net.named_parameters())
    net.gain = nn.Parameter(deepnet.zeros(2))
    assert net.gain.shape == (2,)
    net.scale = deepnet.zeros(3)
    assert net.scale.shape == (3,)
    assert "scale" in net._buffers
    del net.scale
    with pytest.raises(AttributeError, match="scale"):
        net.scale
    with pytest.raises(KeyError, match="exists"):
        net.register_parameter("forward", None)

    class Early(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(deepnet.ones(1))

    with pytest.raises(AttributeError, match=r"before Module.__init__"):
        Early()


def test_tied_parameters_count_once():
    net = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 3
    assert len(net.state_dict()) == 4
    again = copy.deepcopy(net)
    assert again[0].weight is again[1].weight
    assert again[0].weight is not net[0].weight


def test_state_dict_shares_memory_and_loads():
    net, other = Net(), Net()
    net.state_dict()["gain"].fill_(7)
    assert float(net.gain) == 7
    assert other.load_state_dict(net.state_dict()).missing_keys == []
    x = deepnet.randn(2, 4)
    assert np.array_equal(net(x).detach().numpy(), other(x).detach().numpy())
    wrong = {**net.state_dict(), "gain": deepnet.ones(3), "extra": deepnet.ones(1)}
    del wrong["scale"]
    with pytest.raises(RuntimeError) as caught:
        other.load_state_dict(wrong)
    for part in ('Missing key(s) in state_dict: "scale"', 'Unexpected key(s) in state_dict: "extra"', "size mismatch for gain"):
        assert part in str(caught.value)
    del wrong["gain"]
    keys = other.load_state_dict(wrong, strict=False)
    assert (keys.missing_keys, keys.unexpected_keys) == (["gain", "scale"], ["extra"])
    mine = deepnet.full((1,), 5.0)
    other.load_state_dict({"gain": mine}, strict=False, assign=True)
    mine.fill_(6)
    assert float(other.gain) == 6
    assert isinstance(other.gain, nn.Parameter)


def test_copy_and_pickle():
    net = Net()
    net.features[0].weight.requires_grad_(False)
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert not again.features[0].weight.requires_grad
        assert type(again.gain) is nn.Parameter
        for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True):
            assert np.array_equal(a.numpy(), b.numpy())
        again.gain.data.add_(1)
        assert float(net.gain) == 1


def test_modes_and_conversion():
    net = Net()
    weight = net.features[0].weight
    assert net.train(False) is net
    assert not net.features[1].training
    assert net.double().features[0].weight is weight
    assert weight.dtype == deepnet.float64
    assert net.scale.dtype == deepnet.float64
    assert net.to(deepnet.float32).gain.dtype == deepnet.float32
    net.register_buffer("count", deepnet.tensor(3))
    assert net.half().count.dtype == deepnet.int64
    with pytest.raises(TypeError, match="floating"):
        net.to(deepnet.int64)
    with pytest.raises(ValueError, match="boolean"):
        net.train(3)
    net.float()
    net(deepnet.ones(1, 4)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert float(net.gain.grad.abs().sum()) == 0
    net.zero_grad()
    assert net.gain.grad is None
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_forward_hooks():
    layer = nn.Linear(2, 2, bias=False)
    with deepnet.no_grad():
        layer.weight.copy_(deepnet.eye(2))
    x = deepnet.ones(1, 2)
    seen = []
    first = layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    second = layer.register_forward_hook(lambda m, args, out: out + float(args[0][0, 0]))
    third = layer.register_forward_hook(
        lambda m, args, kwargs, out: seen.append(sorted(kwargs)), with_kwargs=True, prepend=True
    )
    assert layer(x).tolist() == [[4.0, 4.0]]
    assert seen == [[]]
    first.remove()
    with second:
        pass
    third.remove()
    third.remove()
    assert layer(x).tolist() == [[1.0, 1.0]]


def test_backward_hooks():
    layer = nn.Linear(2, 1, bias=False)
    with deepnet.no_grad():
        layer.weight.fill_(3)
    seen = []

    def hook(module, grad_input, grad_output):
        seen.append((grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 10,)

    handle = layer.register_full_backward_hook(hook)
    x = deepnet.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert seen == [([[3.0, 3.0]], [[1.0]])]
    assert x.grad.tolist() == [[30.0, 30.0]]
    handle.remove()
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))
    x.grad = None
    layer(x).sum().backward()
    assert x.grad.tolist() == [[6.0, 6.0]]


def test_errors_say_where():
    net = Net()
    with pytest.raises(RuntimeError) as caught:
        net(deepnet.ones(2, 5))
    assert caught.value.__notes__ == ["in features.0: Linear(in_features=4, out_features=8, bias=True)"]

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net

        def forward(self, x):
            return self.inner(x)

    with pytest.raises(RuntimeError) as caught:
        Outer()(deepnet.ones(2, 5))
    assert caught.value.__notes__ == ["in inner.features.0: Linear(in_features=4, out_features=8, bias=True)"]

    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("broken")

    with pytest.raises(KeyError) as caught:
        nn.Sequential(nn.ReLU(), Broken())(deepnet.ones(1))
    assert caught.value.__notes__ == ["in 1: Broken()"]
    with pytest.raises(RuntimeError, match="forward"):
        nn.Module()(1)


def test_sequential_as_a_list():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    assert isinstance(net[1:], nn.Sequential)
    assert len(net[1:]) == 2
    net.append(nn.Tanh()).insert(0, nn.Identity())
    assert [type(m).__name__ for m in net] == ["Identity", "Linear", "ReLU", "Linear", "Tanh"]
    del net[0]
    net[1] = nn.GELU()
    assert list(net._modules) == ["0", "1", "2", "3"]
    assert isinstance(net.pop(-1), nn.Tanh)
    assert len(net + net) == 6
    with pytest.raises(IndexError):
        net[9]


def test_lists_and_dicts():
    layers = nn.ModuleList([nn.Linear(1, 1)])
    layers.extend([nn.ReLU(), nn.ReLU()])
    assert "(1-2): 2 x ReLU()" in repr(layers)
    heads = nn.ModuleDict({"a": nn.Linear(1, 1)})
    heads["b"] = nn.ReLU()
    assert list(heads.keys()) == ["a", "b"]
    assert heads.pop("a").in_features == 1
    params = nn.ParameterList([deepnet.ones(2), nn.Parameter(deepnet.zeros(3))])
    assert [tuple(p.shape) for p in params.parameters()] == [(2,), (3,)]
    named = nn.ParameterDict({"x": deepnet.ones(2)})
    named.update({"y": deepnet.ones(1)})
    assert dict(named.named_parameters()).keys() == {"x", "y"}


def test_lazy_modules_take_their_shape():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    weight = net[3].weight
    assert net(deepnet.ones(2, 3, 5, 5)).shape == (2, 2)
    assert [type(m).__name__ for m in net] == ["Conv2d", "BatchNorm2d", "Flatten", "Linear"]
    assert net[3].weight is weight
    assert net[3].in_features == 36
    fresh = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    fresh.load_state_dict(net.state_dict())
    assert np.array_equal(fresh(deepnet.ones(1, 3, 5, 5)).shape, (1, 2))


def test_older_batch_norms_load():
    norm = nn.BatchNorm1d(2)
    state = norm.state_dict()
    del state["num_batches_tracked"]
    state._metadata.clear()
    norm.load_state_dict(state)


def test_state_hooks():
    layer = nn.Linear(2, 2)
    layer.register_state_dict_post_hook(lambda m, state, prefix, meta: state.pop(prefix + "bias"))
    assert list(nn.Sequential(layer).state_dict()) == ["0.weight"]
    other = nn.Sequential(nn.Linear(2, 2))

    def rename(module, state, prefix, *rest):
        state[prefix + "weight"] = state.pop(prefix + "w")

    other[0].register_load_state_dict_pre_hook(rename)
    other.load_state_dict({"0.w": deepnet.ones(2, 2), "0.bias": deepnet.zeros(2)})
    assert float(other[0].weight.sum()) == 4
