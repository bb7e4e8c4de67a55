"""What the GPU table times: each case takes a framework, deepnet or torch, and returns the call to time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Case = Callable[[Any], Callable[[], Any]]
GPU = "cuda"


def _dtype(t: Any, name: str) -> Any:
    return getattr(t, name)


def _randn(t: Any, *shape: int, dtype: str = "float32", grad: bool = False) -> Any:
    x = t.randn(*shape, device=GPU).to(_dtype(t, dtype))
    return x.requires_grad_() if grad else x


def matmul(m: int, n: int, k: int, dtype: str) -> Case:
    """Return m x k by k x n."""

    def make(t: Any) -> Callable[[], Any]:
        a, b = _randn(t, m, k, dtype=dtype), _randn(t, k, n, dtype=dtype)
        return lambda: a @ b

    return make


def linear_backward(rows: int, inputs: int, outputs: int, dtype: str) -> Case:
    """Both gradients of a linear layer, and its forward."""

    def make(t: Any) -> Callable[[], Any]:
        x, w = _randn(t, rows, inputs, dtype=dtype, grad=True), _randn(t, outputs, inputs, dtype=dtype, grad=True)
        dy = _randn(t, rows, outputs, dtype=dtype)

        def call() -> None:
            x.grad = w.grad = None
            t.nn.functional.linear(x, w).backward(dy)

        return call

    return make


def conv(n: int, c: int, o: int, size: int, kernel: int, stride: int, dtype: str, backward: bool) -> Case:
    """A 2-d convolution, forward or forward and backward."""

    def make(t: Any) -> Callable[[], Any]:
        x = _randn(t, n, c, size, size, dtype=dtype, grad=backward)
        w = _randn(t, o, c, kernel, kernel, dtype=dtype, grad=backward)

        def forward() -> Any:
            return t.nn.functional.conv2d(x, w, stride=stride, padding=kernel // 2)

        if not backward:
            return forward
        dy = t.ones_like(forward().detach())

        def call() -> None:
            x.grad = w.grad = None
            forward().backward(dy)

        return call

    return make


def unary(function: str, n: int, dtype: str) -> Case:
    """One elementwise function."""

    def make(t: Any) -> Callable[[], Any]:
        x, f = _randn(t, n, dtype=dtype), getattr(t.nn.functional, function)
        return lambda: f(x)

    return make


def bias_add(rows: int, columns: int) -> Case:
    """A matrix and a row."""

    def make(t: Any) -> Callable[[], Any]:
        x, b = _randn(t, rows, columns), _randn(t, columns)
        return lambda: x + b

    return make


def reduction(shape: tuple[int, int], dim: int | None) -> Case:
    """A sum along a dimension, or of everything."""

    def make(t: Any) -> Callable[[], Any]:
        x = _randn(t, *shape)
        return (lambda: x.sum()) if dim is None else (lambda: x.sum(dim))

    return make


def softmax(rows: int, columns: int, dtype: str) -> Case:
    """Softmax over the last dimension."""

    def make(t: Any) -> Callable[[], Any]:
        x = _randn(t, rows, columns, dtype=dtype)
        return lambda: t.softmax(x, -1)

    return make


def cross_entropy(rows: int, classes: int, dtype: str) -> Case:
    """Cross-entropy, forward and backward."""

    def make(t: Any) -> Callable[[], Any]:
        x = _randn(t, rows, classes, dtype=dtype, grad=True)
        y = t.randint(0, classes, (rows,), device=GPU)

        def call() -> None:
            x.grad = None
            t.nn.functional.cross_entropy(x, y).backward()

        return call

    return make


def layer_norm(rows: int, columns: int, dtype: str, backward: bool) -> Case:
    """Layer norm with weight and bias."""

    def make(t: Any) -> Callable[[], Any]:
        x = _randn(t, rows, columns, dtype=dtype, grad=backward)
        w, b = _randn(t, columns, dtype=dtype, grad=backward), _randn(t, columns, dtype=dtype, grad=backward)
        dy = _randn(t, rows, columns, dtype=dtype)

        def call() -> None:
            y = t.nn.functional.layer_norm(x, (columns,), w, b)
            if backward:
                x.grad = w.grad = b.grad = None
                y.backward(dy)

        return call

    return make


def attention(batch: int, heads: int, length: int, features: int, dtype: str, causal: bool, backward: bool) -> Case:
    """Scaled dot-product attention."""

    def make(t: Any) -> Callable[[], Any]:
        q, k, v = (_randn(t, batch, heads, length, features, dtype=dtype, grad=backward) for _ in range(3))
        dy = _randn(t, batch, heads, length, features, dtype=dtype)

        def call() -> None:
            y = t.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
            if backward:
                q.grad = k.grad = v.grad = None
                y.backward(dy)

        return call

    return make


def embedding_backward(tokens: int, vocabulary: int, features: int) -> Case:
    """The gradient of an embedding's weight."""

    def make(t: Any) -> Callable[[], Any]:
        w = _randn(t, vocabulary, features, grad=True)
        i = t.randint(0, vocabulary, (tokens,), device=GPU)
        dy = _randn(t, tokens, features)

        def call() -> None:
            w.grad = None
            t.nn.functional.embedding(i, w).backward(dy)

        return call

    return make


def adamw(tensors: int, elements: int) -> Case:
    """One AdamW step."""

    def make(t: Any) -> Callable[[], Any]:
        parameters = [t.nn.Parameter(_randn(t, elements)) for _ in range(tensors)]
        for p in parameters:
            p.grad = _randn(t, elements)
        extra = {"fused": True} if t.__name__ == "torch" else {}
        return t.optim.AdamW(parameters, lr=1e-3, **extra).step  # type: ignore[no-any-return]

    return make


def sort(n: int) -> Case:
    """Sort one row."""

    def make(t: Any) -> Callable[[], Any]:
        x = _randn(t, n)
        return lambda: t.sort(x)

    return make


def step(build: Callable[[Any], Any], shape: tuple[int, ...]) -> Case:
    """One training step of a small classifier with AdamW."""

    def make(t: Any) -> Callable[[], Any]:
        model = build(t.nn).to(GPU)
        optimizer = t.optim.AdamW(model.parameters(), lr=1e-3)
        x, y = _randn(t, *shape), t.randint(0, 10, (shape[0],), device=GPU)

        def call() -> None:
            optimizer.zero_grad()
            t.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

        return call

    return make


def mlp(nn: Any) -> Any:
    """784-512-512-10."""
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def lenet(nn: Any) -> Any:
    """LeNet-5 with ReLU and max pooling, for 28 x 28."""
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*features, *head)


CASES: dict[str, Case] = {
    "matmul bf16 8192³": matmul(8192, 8192, 8192, "bfloat16"),
    "matmul bf16 4096³": matmul(4096, 4096, 4096, "bfloat16"),
    "matmul fp32 8192³": matmul(8192, 8192, 8192, "float32"),
    "matmul fp32 1024³": matmul(1024, 1024, 1024, "float32"),
    "matmul fp32 1 x 7168 by 7168 x 18432": matmul(1, 18432, 7168, "float32"),
    "linear fp32 fwd+bwd 4096 x 1024 to 1024": linear_backward(4096, 1024, 1024, "float32"),
    "conv fp32 3x3 64 to 64, 64 x 56²": conv(64, 64, 64, 56, 3, 1, "float32", False),
    "conv fp32 3x3 64 to 64, 64 x 56² fwd+bwd": conv(64, 64, 64, 56, 3, 1, "float32", True),
    "conv bf16 3x3 128 to 128, 256 x 28²": conv(256, 128, 128, 28, 3, 1, "bfloat16", False),
    "conv bf16 1x1 64 to 256, 256 x 56²": conv(256, 64, 256, 56, 1, 1, "bfloat16", False),
    "gelu bf16 2^28": unary("gelu", 1 << 28, "bfloat16"),
    "gelu fp32 2^26": unary("gelu", 1 << 26, "float32"),
    "relu fp32 2^26": unary("relu", 1 << 26, "float32"),
    "bias add fp32 65536 x 1024": bias_add(65536, 1024),
    "sum fp32 2^26": reduction((8192, 8192), None),
    "sum of rows fp32 8192²": reduction((8192, 8192), 1),
    "sum of columns fp32 8192²": reduction((8192, 8192), 0),
    "softmax fp32 16384 x 1024": softmax(16384, 1024, "float32"),
    "softmax bf16 8192 x 8192": softmax(8192, 8192, "bfloat16"),
    "cross-entropy bf16 8192 x 50257 fwd+bwd": cross_entropy(8192, 50257, "bfloat16"),
    "layer norm bf16 16384 x 4096": layer_norm(16384, 4096, "bfloat16", False),
    "layer norm bf16 16384 x 4096 fwd+bwd": layer_norm(16384, 4096, "bfloat16", True),
    "attention fp32 8 x 12 x 1024 x 64": attention(8, 12, 1024, 64, "float32", False, False),
    "attention bf16 4 x 16 x 4096 x 128 causal": attention(4, 16, 4096, 128, "bfloat16", True, False),
    "attention bf16 4 x 16 x 4096 x 128 causal fwd+bwd": attention(4, 16, 4096, 128, "bfloat16", True, True),
    "embedding backward 65536 of 50257 x 1024": embedding_backward(65536, 50257, 1024),
    "AdamW fp32 10 x 16.8M": adamw(10, 1 << 24),
    "AdamW fp32 200 x 1M": adamw(200, 1 << 20),
    "sort fp32 2^20": sort(1 << 20),
    "step: mlp 784-512-512-10, batch 128": step(mlp, (128, 784)),
    "step: lenet, batch 128": step(lenet, (128, 1, 28, 28)),
}
