import io
import struct

import numpy as np
import pytest

import deepnet as dn
from deepnet import nn
from deepnet.io import load_weights, save_weights, weights_hash


def round_trip(value):
    file = io.BytesIO()
    dn.save(value, file)
    file.seek(0)
    return dn.load(file)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        1 << 80,
        "é\0$",
        b"\0\xff",
        float("inf"),
        1e-310,
        -0.0,
        (1, [2, (3,)], {"a": None}),
        {1: "one", "1": "text", (2, 3): [], None: 0, 2.5: b""},
        {"$": "tensor", "name": "x"},
        {},
        [],
    ],
)
def test_plain_values_come_back(value):
    back = round_trip(value)
    assert back == value
    assert type(back) is type(value)


def test_nan_comes_back():
    assert np.isnan(round_trip(float("nan")))


DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_tensors_of_every_dtype_and_shape(dtype, shape):
    kind = getattr(dn, dtype)
    x = (dn.rand(*shape) * 8).to(kind) if shape else dn.tensor(3.0).to(kind)
    back = round_trip(x)
    assert back.dtype == kind
    assert tuple(back.shape) == shape
    assert weights_hash({"x": back}) == weights_hash({"x": x})


def test_a_view_is_saved_as_its_values():
    x = dn.arange(12).reshape(3, 4).t()[1:, ::2]
    back = round_trip({"x": x})["x"]
    assert back.tolist() == x.tolist()
    assert back.is_contiguous()


def test_a_tensor_used_twice_comes_back_as_one():
    shared = dn.ones(2)
    back = round_trip([shared, {"again": shared}])
    assert back[0] is back[1]["again"]


def test_names_that_collide_are_kept_apart():
    back = round_trip({"a": {"b": dn.zeros(1)}, "a.b": dn.ones(1)})
    assert back["a"]["b"].tolist() == [0.0]
    assert back["a.b"].tolist() == [1.0]


def test_requires_grad_dtype_device_and_arrays_come_back():
    back = round_trip(
        {
            "w": dn.ones(2, requires_grad=True),
            "dtype": dn.float16,
            "device": dn.device("cpu"),
            "array": np.arange(3, dtype=np.uint32),
            "number": np.float64(0.5),
        }
    )
    assert back["w"].requires_grad
    assert back["dtype"] == dn.float16
    assert back["device"] == dn.device("cpu")
    assert back["array"].dtype == np.uint32
    assert back["number"] == 0.5


def test_a_state_dict_is_readable_by_others(tmp_path):
    from safetensors.numpy import load_file

    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    dn.save(model.state_dict(), tmp_path / "m.safetensors")
    others = load_file(tmp_path / "m.safetensors")
    assert sorted(others) == sorted(model.state_dict())
    np.testing.assert_array_equal(others["0.weight"], model.state_dict()["0.weight"].numpy())
    fresh = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    fresh.load_state_dict(dn.load(tmp_path / "m.safetensors"))
    assert weights_hash(fresh.state_dict()) == weights_hash(model.state_dict())


def test_files_of_others_load_as_a_dict(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.ones((2, 2), np.float32)}, tmp_path / "x.safetensors")
    assert dn.load(tmp_path / "x.safetensors")["x"].tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("value", [nn.Linear(1, 1), {"f": len}, [object()], {1, 2}])
def test_code_and_unknown_objects_are_refused_by_path(value):
    with pytest.raises(TypeError, match="cannot store a"):
        dn.save(value, io.BytesIO())


def test_the_refusal_names_the_path():
    with pytest.raises(TypeError, match=r"\['a'\]\['1'\]"):
        dn.save({"a": [0, object()]}, io.BytesIO())


@pytest.mark.parametrize("head", [b"PK\x03\x04rest", b"\x80\x02}q\0.", b"\x80\x04K\x01."])
def test_pickles_are_refused_unread(head):
    with pytest.raises(ValueError, match="is a pickle"):
        dn.load(io.BytesIO(head))


@pytest.mark.parametrize("damage", ["cut", "flip", "length", "empty"])
def test_damage_is_found(tmp_path, damage):
    path = tmp_path / "x.safetensors"
    dn.save({"x": dn.rand(100)}, path)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-1]
    elif damage == "flip":
        data[-7] ^= 1
    elif damage == "length":
        data[:8] = struct.pack("<Q", 1 << 60)
    else:
        data = data[:0]
    path.write_bytes(data)
    with pytest.raises(ValueError, match="load: "):
        dn.load(path)


def test_map_location_and_a_kept_old_file(tmp_path):
    path = tmp_path / "x.safetensors"
    dn.save([dn.ones(2)], path)
    assert dn.load(path, map_location="cpu")[0].tolist() == [1.0, 1.0]
    before = path.read_bytes()
    with pytest.raises(TypeError):
        dn.save([object()], path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_weights_hash_sees_names_shapes_types_and_bits():
    x = dn.ones(4)
    hashes = {
        weights_hash({"a": x}),
        weights_hash({"b": x}),
        weights_hash({"a": x.reshape(2, 2)}),
        weights_hash({"a": x.to(dn.float64)}),
        weights_hash({"a": -x}),
        weights_hash({"a": x, "b": x}),
    }
    assert len(hashes) == 6
    assert weights_hash({"a": x, "b": -x}) == weights_hash({"b": -x, "a": x})


def test_weights_files_carry_their_hash(tmp_path):
    state = {"w": dn.rand(3, 3)}
    digest = save_weights(state, tmp_path / "w.safetensors", about="me")
    back, about = load_weights(tmp_path / "w.safetensors")
    assert weights_hash(back) == digest == weights_hash(state)
    assert about["about"] == "me"
