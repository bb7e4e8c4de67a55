import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import deepnet as dn
from deepnet.cli import main
from deepnet.vision.datasets import Digits

HASH = re.compile(r"weights sha256 ([0-9a-f]{64})")


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def deepnet(*arguments, **kwargs):
    return subprocess.run([sys.executable, "-m", "deepnet", *map(str, arguments)], capture_output=True, text=True, **kwargs)


def test_training_leaves_all_it_promises(inside, capsys):
    assert main(["train", "digits", "--epochs", "2"]) == 0
    shown = capsys.readouterr()
    for words in ("1,442 training and 355 test images", "features.0", "parameters", "test accuracy", "confusion matrix"):
        assert words in shown.out
    assert "batch/s" in shown.err
    assert HASH.search(shown.out)
    run = inside / "runs" / "digits"
    assert (run / "weights.safetensors").is_file()
    assert len((run / "log.csv").read_text().splitlines()) == 3

    assert main(["evaluate"]) == 0
    again = capsys.readouterr().out
    line = next(line for line in shown.out.splitlines() if line.startswith("test accuracy"))
    assert line in again

    data = Digits(train=False)
    np.save(inside / "digit.npy", data.data[0].numpy())
    assert main(["predict", "digit.npy", "digit.npy", "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r"digit.npy  \d \(\d+\.\d %\)  \d \(\d+\.\d %\)", lines[1])


def test_the_same_seed_gives_the_same_weights(inside, capsys):
    hashes = []
    for seed in (1, 1, 2):
        main(["train", "digits", "--epochs", "1", "--seed", str(seed), "--quiet"])
        hashes.append(HASH.search(capsys.readouterr().out)[1])
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "nothing"], "neither a folder nor one of the data sets"),
        (["train", "digits", "--model", "vgg"], "unknown model"),
        (["train", "mnist", "--data", "nowhere"], "no train-images-idx3-ubyte"),
        (["evaluate"], "no trained model under runs"),
        (["predict", "x.png", "--weights", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_mistakes_end_with_a_line_not_a_traceback(inside, capsys, arguments, words):
    assert main(arguments) == 1
    shown = capsys.readouterr().err
    assert words in shown
    assert shown.startswith("deepnet: ")


def test_a_resume_with_other_settings_is_refused(inside, capsys):
    main(["train", "digits", "--epochs", "1", "--quiet"])
    assert main(["train", "digits", "--epochs", "2", "--quiet", "--resume"]) == 1
    assert "begun with epochs 1, not 2" in capsys.readouterr().err


def test_a_folder_of_images(inside, capsys):
    Image = pytest.importorskip("PIL.Image")
    for name, level in (("dark", 40), ("light", 200)):
        (inside / "pictures" / name).mkdir(parents=True)
        for i in range(10):
            pixels = np.random.default_rng(i).integers(level - 40, level + 40, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(inside / "pictures" / name / f"{i}.png")
    assert main(["train", "pictures", "--size", "8", "--epochs", "5", "--batch", "4", "--quiet"]) == 0
    assert "test accuracy 100.00 % (4 of 4)" in capsys.readouterr().out
    assert main(["predict", "pictures/light/3.png"]) == 0
    assert "light" in capsys.readouterr().out.splitlines()[-1]


def test_info_and_version(capsys):
    assert main(["info"]) == 0
    assert dn.__version__ in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--version"])


def test_bench_prints_rates(capsys):
    assert main(["bench", "--seconds", "0"]) == 0
    assert "GFLOP/s" in capsys.readouterr().out


@pytest.mark.slow
def test_digits_killed_and_resumed(tmp_path):
    arguments = ["train", "digits", "--epochs", "6", "--quiet", "--save-every", "0.05", "--out"]
    alone = deepnet(*arguments, tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "deepnet", *arguments, str(tmp_path / "killed")], stdout=subprocess.DEVNULL
    )
    log = tmp_path / "killed" / "log.csv"
    while not log.is_file() and process.poll() is None:  # its first epoch is over
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resumed = deepnet(*arguments, tmp_path / "killed", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert HASH.search(resumed.stdout)[1] == HASH.search(alone.stdout)[1]


@pytest.mark.slow
def test_digits_reach_985_in_the_mean_of_five_seeds(tmp_path):
    found = []
    for seed in range(5):
        start = time.monotonic()
        run = deepnet("train", "digits", "--seed", seed, "--quiet", "--out", tmp_path / str(seed))
        assert run.returncode == 0, run.stderr
        assert time.monotonic() - start < 60
        found.append(float(re.search(r"test accuracy ([\d.]+) %", run.stdout)[1]))
    assert sum(found) / 5 >= 98.5, found


@pytest.mark.slow
def test_mnist_reaches_99(tmp_path, data_folder):
    run = deepnet("train", "mnist", "--data", data_folder("mnist"), "--epochs", 3, "--quiet", "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    assert float(re.search(r"test accuracy ([\d.]+) %", run.stdout)[1]) >= 99.0
