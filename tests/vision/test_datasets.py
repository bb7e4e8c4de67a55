import gzip
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest

import deepnet as dn
from deepnet.vision import datasets, transforms
from deepnet.vision.datasets.download import fetch
from deepnet.vision.datasets.mnist import read_idx
from deepnet.vision.datasets.plain_pickle import read_plain_pickle

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


# ---- digits


def test_digits_are_all_there_and_split_by_class():
    whole, train, test = (datasets.Digits(train=part) for part in (None, True, False))
    assert (len(whole), len(train), len(test)) == (1797, 1442, 355)
    counts = [int((test.targets == digit).sum()) for digit in range(10)]
    everywhere = [int((whole.targets == digit).sum()) for digit in range(10)]
    assert counts == [n // 5 for n in everywhere]
    # sums of the published file, so that the embedded one is it
    levels = np.rint(whole.data.numpy() / 255 * 16).astype(int)
    assert levels.sum() == 561718
    assert levels[0].tolist()[0] == [0, 0, 5, 13, 9, 1, 0, 0]
    assert whole.targets[:10].tolist() == list(range(10))


def test_digits_as_images_and_as_tensors():
    data = datasets.Digits(train=False, transform=transforms.ToTensor())
    images, targets = data.tensors()
    assert tuple(images.shape) == (355, 1, 8, 8)
    assert images.max().item() == 1.0
    image, target = data[7]
    assert dn.equal(image, images[7])
    assert target == targets[7].item()
    assert "355" in repr(data)


# ---- MNIST's files


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def mnist_files():
    generator = np.random.Generator(np.random.Philox(1))
    return {
        f"{part}-{kind}": idx(values)
        for part, count in (("train", 20), ("t10k", 5))
        for kind, values in (
            ("images-idx3-ubyte", generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)),
            ("labels-idx1-ubyte", generator.integers(0, 10, count, dtype=np.uint8)),
        )
    }


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_is_found_plain_and_zipped(tmp_path, mnist_files, place, zipped):
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in mnist_files.items():
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(data) if zipped else data)
    train, test = datasets.MNIST(tmp_path), datasets.MNIST(tmp_path, train=False)
    assert (len(train), len(test)) == (20, 5)
    image, target = train[3]
    assert image.size == (28, 28)
    assert np.asarray(image).tobytes() == mnist_files["train-images-idx3-ubyte"][16 + 3 * 784 : 16 + 4 * 784]
    assert target == mnist_files["train-labels-idx1-ubyte"][8 + 3]


def test_a_missing_file_is_named_with_the_places(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte.*MNIST.*download=True"):
        datasets.MNIST(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an IDX"),
        (b"PNG!....", "not an IDX"),
        (b"\0\0\x08\x03\0\0", "cut short"),
        (idx(np.zeros((2, 3), np.uint8))[:-1], "takes 18 bytes, the file has 17"),
        (idx(np.zeros((2, 3), np.uint8)) + b"x", "the file has 19"),
        (gzip.compress(idx(np.zeros((2, 3), np.uint8)))[:-9], "damaged"),
    ],
)
def test_broken_idx_files_are_refused(tmp_path, data, words):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ValueError, match=words):
        read_idx(tmp_path / "x")


def test_idx_of_other_types(tmp_path):
    data = np.arange(6, dtype=">i4").reshape(2, 3)
    (tmp_path / "x").write_bytes(bytes([0, 0, 0x0C, 2]) + struct.pack(">2I", 2, 3) + data.tobytes())
    assert read_idx(tmp_path / "x").tolist() == data.tolist()


def test_the_real_mnist(data_folder):
    data = datasets.MNIST(data_folder("mnist"), train=False)
    assert len(data) == 10000
    assert data.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


# ---- downloads


def test_offline_is_said_clearly(tmp_path):
    with pytest.raises(ConnectionError, match=r"offline\?") as caught:
        fetch(["http://127.0.0.1:9/x.gz"], tmp_path / "x.gz", "0" * 32, timeout=2)
    assert str(tmp_path / "x.gz") in str(caught.value)


def test_a_file_is_checked_before_it_is_kept(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"hello")
    with pytest.raises(ValueError, match="MD5"):
        fetch([source.as_uri()], tmp_path / "x", "0" * 32)
    assert not (tmp_path / "x").exists()
    fetch(["http://127.0.0.1:9/x", source.as_uri()], tmp_path / "x", "5d41402abc4b2a76b9719d911017c592", timeout=2)
    assert (tmp_path / "x").read_bytes() == b"hello"
    fetch([], tmp_path / "x", "5d41402abc4b2a76b9719d911017c592")  # there already


# ---- CIFAR


def records(count, seed):
    generator = np.random.Generator(np.random.Philox(seed))
    return generator.integers(0, 10, count), generator.integers(0, 256, (count, 3072), dtype=np.uint8)


def binary(labels, images):
    return b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, images, strict=True))


def check_cifar(data, labels, images):
    assert data.targets == labels.tolist()
    np.testing.assert_array_equal(data.data, images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    image, target = data[1]
    assert image.size == (32, 32)
    assert target == labels[1]


@pytest.mark.parametrize("zipped", [False, True])
def test_cifar_from_binary_files(tmp_path, zipped):
    parts = [records(3, seed) for seed in range(6)]
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name, part in zip([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"], parts, strict=True):
        data = binary(*part)
        (folder / f"{name}.bin{'.gz' if zipped else ''}").write_bytes(gzip.compress(data) if zipped else data)
    labels, images = (np.concatenate([part[i] for part in parts[:5]]) for i in (0, 1))
    check_cifar(datasets.CIFAR10(tmp_path), labels, images)
    check_cifar(datasets.CIFAR10(folder, train=False), *parts[5])


def python2_pickle(labels, images):
    """What the published files hold: protocol 2, written by Python 2, where strings are bytes."""
    raw = images.tobytes()
    out = io.BytesIO()

    def text(value):
        out.write(b"U" + bytes([len(value)]) + value)

    out.write(b"\x80\x02}q\x01(")
    text(b"batch_label")
    text(b"a batch")
    text(b"labels")
    out.write(b"]q\x02(" + b"".join(b"K" + bytes([int(label)]) for label in labels) + b"e")
    text(b"data")
    out.write(b"cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85")
    text(b"b")
    out.write(b"\x87Rq\x05(K\x01M" + struct.pack("<H", len(images)) + b"M\x00\x0c\x86cnumpy\ndtype\nq\x06")
    text(b"u1")
    out.write(b"K\x00K\x01\x87Rq\x07(K\x03")
    text(b"|")
    out.write(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", len(raw)) + raw + b"tbu.")
    return out.getvalue()


@pytest.mark.parametrize("write", [python2_pickle, lambda y, x: pickle.dumps({b"labels": y.tolist(), b"data": x}, protocol=2)])
def test_cifar_from_the_python_version_unrun(tmp_path, write):
    parts = [records(3, seed) for seed in range(6)]
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as tar:
        for name, part in zip([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"], parts, strict=True):
            data = write(*part)
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    labels, images = (np.concatenate([part[i] for part in parts[:5]]) for i in (0, 1))
    check_cifar(datasets.CIFAR10(tmp_path), labels, images)
    check_cifar(datasets.CIFAR10(tmp_path, train=False), *parts[5])
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    check_cifar(datasets.CIFAR10(tmp_path / "out", train=False), *parts[5])


def test_cifar_refuses_what_is_no_record(tmp_path):
    (tmp_path / "test.bin").write_bytes(b"\0" * 3072)
    with pytest.raises(ValueError, match="not a whole number of records"):
        datasets.CIFAR10(tmp_path, train=False)
    (tmp_path / "test.bin").write_bytes(b"\x0b" + b"\0" * 3072)
    with pytest.raises(ValueError, match="label 11"):
        datasets.CIFAR10(tmp_path, train=False)
    with pytest.raises(FileNotFoundError, match="no training data"):
        datasets.CIFAR10(tmp_path)


def test_the_real_cifar_subset(data_folder):
    data = datasets.CIFAR10(data_folder("cifar10_bin_subset"), train=False)
    assert len(data) == 3000
    assert np.bincount(data.targets).tolist() == [300] * 10


class Evil:
    def __reduce__(self):
        return (print, ("the pickle ran code",))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    "value", [Evil(), {"data": Evil()}, np.array([object()]), np.dtype("O"), 1j, {1}, np.array(["text"]), np.ndarray]
)
def test_other_pickles_are_refused_and_run_nothing(value, protocol, capsys):
    with pytest.raises(ValueError, match="refused|only numbers|not a pickle"):
        read_plain_pickle(pickle.dumps(value, protocol=protocol))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_pickles_read_like_pickle(protocol):
    value = {"a": [1, -5, 1 << 40, 2.5, None, True], b"k": ("x", (), {}), 7: "text", "again": [b"bytes", b""]}
    assert read_plain_pickle(pickle.dumps(value, protocol=protocol)) == value


@pytest.mark.parametrize("dtype", ["u1", "<i4", ">i4", "<f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_plain_pickles_of_arrays(dtype, order):
    array = np.asarray(np.arange(12).reshape(3, 4) % 2, dtype=dtype, order=order)
    back = read_plain_pickle(pickle.dumps([array], protocol=2))[0]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("data", [b"", b"\x80\x02", b"\x80\x02}q\x01u.", b"a.", b"\x80\x02h\x09.", b"nonsense"])
def test_broken_pickles_are_refused(data):
    with pytest.raises(ValueError, match="pickle|opcode"):
        read_plain_pickle(data)


# ---- folders and noise


def test_an_image_folder(tmp_path):
    for name, colour in (("cats", (255, 0, 0)), ("dogs", (0, 0, 255))):
        (tmp_path / name / "deep").mkdir(parents=True)
        Image.new("RGB", (4, 6), colour).save(tmp_path / name / "b.png")
        Image.new("L", (4, 6), 7).save(tmp_path / name / "deep" / "a.PNG")
        (tmp_path / name / "notes.txt").write_text("no image")
    data = datasets.ImageFolder(tmp_path, transform=transforms.PILToTensor())
    assert data.classes == ["cats", "dogs"]
    assert data.class_to_idx == {"cats": 0, "dogs": 1}
    assert data.targets == [0, 0, 1, 1]
    image, target = data[2]
    assert tuple(image.shape) == (3, 6, 4)
    assert image[:, 0, 0].tolist() == [0, 0, 255]
    assert target == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no image in .*empty"):
        datasets.ImageFolder(tmp_path)
    assert len(datasets.ImageFolder(tmp_path, allow_empty=True)) == 4
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        datasets.ImageFolder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="holds no folders"):
        datasets.ImageFolder(tmp_path / "cats" / "deep")


def test_fake_data_is_the_same_at_every_reading():
    data = datasets.FakeData(5, (3, 9, 7), num_classes=4, transform=transforms.ToTensor())
    image, target = data[3]
    again, same = data[3]
    assert dn.equal(image, again)
    assert target == same < 4
    assert tuple(image.shape) == (3, 9, 7)
    assert not dn.equal(image, data[2][0])
    with pytest.raises(IndexError):
        data[5]
