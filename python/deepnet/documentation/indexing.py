"""Choosing and placing elements."""

from deepnet.documentation._text import SAME, operator

TABLE = {
    "embedding": operator(
        "Return the rows of a table at indices.",
        "weight : Tensor, shape (rows, E)\n"
        "input : Tensor of integers, any shape (*)\n"
        "padding_idx : int, optional\n"
        "    This row gets no gradient.\n",
        "Tensor, shape (*, E)",
        {"IndexError": "If an index is out of range."},
        "deepnet.embedding(deepnet.eye(3), deepnet.tensor([2, 0]))",
        "tensor([[0., 0., 1.],\n        [1., 0., 0.]])",
    ),
    "gather": operator(
        "Return input[..., index[..., i, ...], ...] along dim.",
        "input : Tensor\ndim : int\nindex : Tensor of integers, with as many dims\n    In other dims at most input's size.\n",
        "Tensor, index's shape",
        {"IndexError": "If an index is out of range."},
        "deepnet.gather(deepnet.tensor([[1, 2], [3, 4]]), 1, deepnet.tensor([[1], [0]]))",
        "tensor([[2],\n        [3]])",
    ),
    "index_copy": operator(
        "Return input with source's slices at the indices of dim.",
        "input : Tensor\n"
        "dim : int\n"
        "index : Tensor of integers, shape (n,)\n"
        "source : Tensor\n"
        "    Of input's shape, with n for the size of dim.\n",
        SAME,
        {"RuntimeError": "If source has another shape."},
        "deepnet.index_copy(deepnet.zeros(3), 0, deepnet.tensor([2, 0]), deepnet.tensor([1.0, 2.0]))",
        "tensor([2., 0., 1.])",
    ),
    "index_put": operator(
        "Return input with input[indices] replaced by values, or increased.",
        "input : Tensor\n"
        "indices : sequence of Tensor\n"
        "    Integers that broadcast together, or bools.\n"
        "values : Tensor or number, broadcast\n"
        "accumulate : bool\n"
        "    Add; values of one place in their order.\n",
        SAME,
        {"IndexError": "If an index is out of range."},
        "deepnet.index_put(deepnet.zeros(3), [deepnet.tensor([1, 1])], deepnet.tensor([2.0, 3.0]), accumulate=True)",
        "tensor([0., 5., 0.])",
    ),
    "index_select": operator(
        "Return the slices of dim at indices.",
        "input : Tensor\ndim : int\nindex : Tensor of integers, shape (n,)\n",
        "Tensor\n    Of input's shape, with n for the size of dim.",
        {"IndexError": "If an index is out of range."},
        "deepnet.index_select(deepnet.tensor([[1, 2], [3, 4]]), 1, deepnet.tensor([1, 1, 0]))",
        "tensor([[2, 2, 1],\n        [4, 4, 3]])",
    ),
    "masked_select": operator(
        "Return the elements where mask holds, in order.",
        "input : Tensor\nmask : Tensor of bool, broadcast with input\n",
        "Tensor, shape (count,)",
        {"RuntimeError": "If mask is not bool."},
        "deepnet.masked_select(deepnet.tensor([1, 2, 3]), deepnet.tensor([True, False, True]))",
        "tensor([1, 3])",
    ),
    "scatter_add": operator(
        "Return input with src added at index along dim; what meets in one place, in order.",
        "input : Tensor\ndim : int\nindex : Tensor of integers\n    With as many dims; no larger than src.\nsrc : Tensor\n",
        SAME,
        {"IndexError": "If an index is out of range."},
        "deepnet.scatter_add(deepnet.zeros(3), 0, deepnet.tensor([0, 2, 0]), deepnet.tensor([1.0, 2.0, 3.0]))",
        "tensor([4., 0., 2.])",
    ),
    "scatter_reduce": operator(
        "Return input with src combined at index along dim.",
        "input : Tensor\n"
        "dim : int\n"
        "index : Tensor of integers\n"
        "    With as many dims; no larger than src.\n"
        "src : Tensor\n"
        'reduce : {"sum", "prod", "mean", "amax", "amin"}\n'
        "include_self : bool\n"
        "    Count what input holds there.\n",
        SAME,
        {"IndexError": "If an index is out of range."},
        'deepnet.scatter_reduce(deepnet.zeros(2), 0, deepnet.tensor([0, 0, 1]), deepnet.tensor([1.0, 5.0, 2.0]), "amax")',
        "tensor([5., 2.])",
    ),
}
