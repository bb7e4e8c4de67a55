"""Products."""

from deepnet.documentation._text import operator

TABLE = {
    "matmul": operator(
        "Return the product of matrices or vectors; leading dims broadcast.",
        "input : Tensor, shape (..., M, K) or (K,)\nother : Tensor, shape (..., K, N) or (K,)\n",
        "Tensor, shape (..., M, N)\n    Without the dims of vectors.",
        {"RuntimeError": "If the inner sizes differ, or the leading ones do not broadcast."},
        "deepnet.matmul(deepnet.ones(2, 3), deepnet.ones(3))",
        "tensor([3., 3.])",
    ),
    "mm": operator(
        "Return the product of two matrices.",
        "input : Tensor, shape (M, K)\nmat2 : Tensor, shape (K, N)\n",
        "Tensor, shape (M, N)",
        {"RuntimeError": "If the inner sizes differ, or an input is no matrix."},
        "deepnet.mm(deepnet.eye(2), deepnet.tensor([[1.0, 2.0], [3.0, 4.0]]))",
        "tensor([[1., 2.],\n        [3., 4.]])",
    ),
    "bmm": operator(
        "Return the products of two batches of matrices.",
        "input : Tensor, shape (B, M, K)\nmat2 : Tensor, shape (B, K, N)\n",
        "Tensor, shape (B, M, N)",
        {"RuntimeError": "If batch or inner sizes differ."},
        "deepnet.bmm(deepnet.ones(5, 2, 3), deepnet.ones(5, 3, 4)).shape",
        "Size([5, 2, 4])",
    ),
    "mv": operator(
        "Return the product of a matrix and a vector.",
        "input : Tensor, shape (M, K)\nvec : Tensor, shape (K,)\n",
        "Tensor, shape (M,)",
        {"RuntimeError": "If the inner sizes differ."},
        "deepnet.mv(deepnet.tensor([[1.0, 2.0], [3.0, 4.0]]), deepnet.tensor([1.0, 1.0]))",
        "tensor([3., 7.])",
    ),
    "dot": operator(
        "Return the sum of the products of two vectors' elements.",
        "input, tensor : Tensor, shape (K,)\n",
        "Tensor, shape ()",
        {"RuntimeError": "If the sizes differ."},
        "deepnet.dot(deepnet.tensor([1.0, 2.0]), deepnet.tensor([3.0, 4.0]))",
        "tensor(11.)",
    ),
    "addmm": operator(
        "Return beta * input + alpha * (mat1 @ mat2).",
        "input : Tensor, broadcast to (M, N)\nmat1 : Tensor, shape (M, K)\nmat2 : Tensor, shape (K, N)\nbeta, alpha : number\n",
        "Tensor, shape (M, N)",
        {"RuntimeError": "If the shapes do not fit."},
        "deepnet.addmm(deepnet.ones(2), deepnet.eye(2), deepnet.eye(2))",
        "tensor([[2., 1.],\n        [1., 2.]])",
    ),
}
