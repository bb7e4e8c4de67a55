"""Arguments, and which command gets them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

__all__ = ["main"]

_DATA = "digits, mnist, fashionmnist, kmnist, cifar10, cifar100, or a folder of images with one folder a class"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except (ValueError, OSError, ImportError, ArithmeticError) as error:
        print(f"deepnet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    import deepnet as dn

    parser = argparse.ArgumentParser(prog="deepnet", description="Train neural networks, evaluate them, ask them.")
    parser.add_argument("--version", action="version", version=f"deepnet {dn.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="train a model on images"))
    _add_evaluate(commands.add_parser("evaluate", help="accuracy of a trained model on its test images"))
    _add_predict(commands.add_parser("predict", help="what a trained model sees in image files"))
    commands.add_parser("info", help="what this build is and what it runs on").set_defaults(command=_info)
    bench = commands.add_parser("bench", help="speed of the main kernels on this machine")
    bench.add_argument("--seconds", type=float, default=0.5, help="time spent on each line (default 0.5)")
    bench.set_defaults(command=_bench)
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", help=_DATA)
    _add_data_options(parser)
    parser.add_argument("--model", help="mlp, lenet, cnn, resnet18, resnet34 or resnet50")
    parser.add_argument("--epochs", type=_positive)
    parser.add_argument("--batch", type=_positive, help="images in a step")
    parser.add_argument("--lr", type=float, help="peak learning rate")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--accumulate", type=_positive, help="parts that each batch is worked in, one after the other")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, …")
    parser.add_argument("--out", help="folder for weights, log and curves (default runs/DATASET)")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in the folder")
    parser.add_argument("--save-every", type=float, default=10.0, metavar="S", help="seconds between checkpoints (default 10)")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(command=_train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_weights(parser)
    _add_data_options(parser)
    parser.add_argument("--device", default="cpu")
    parser.set_defaults(command=_evaluate)


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="an image, or a .npy array of pixels from 0 to 255")
    _add_weights(parser)
    parser.add_argument("--invert", action="store_true", help="for dark ink on white paper, where the model knows the reverse")
    parser.add_argument("--top", type=_positive, default=1, help="how many classes to name (default 1)")
    parser.add_argument("--device", default="cpu")
    parser.set_defaults(command=_predict)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help="folder that holds the data set's files (default data)")
    parser.add_argument("--download", action="store_true", help="fetch missing files into it")
    parser.add_argument("--size", type=_positive, help="side that a folder's images are scaled to (default 32)")


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", help="a run's folder or its weights.safetensors (default the newest under runs)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number


def _train(arguments: argparse.Namespace) -> int:
    from deepnet.cli.train import train

    return train(arguments)


def _evaluate(arguments: argparse.Namespace) -> int:
    from deepnet.cli.evaluate import evaluate

    return evaluate(arguments)


def _predict(arguments: argparse.Namespace) -> int:
    from deepnet.cli.predict import predict

    return predict(arguments)


def _info(_: argparse.Namespace) -> int:
    from deepnet.cli.info import info

    return info()


def _bench(arguments: argparse.Namespace) -> int:
    from deepnet.cli.bench import bench

    return bench(arguments.seconds)
