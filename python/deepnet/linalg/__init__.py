"""Linear algebra in the names of `torch.linalg`: norms, products, solutions, factorisations.

Factorisations run on the host in float64, whatever the device and dtype, so their bits are the same everywhere; they
suit matrices of up to some hundred rows, and any number of them in a batch.
"""

from deepnet.linalg.factors import EighResult, QRResult, SVDResult, cholesky, eigh, eigvalsh, qr, svd, svdvals
from deepnet.linalg.norms import matrix_norm, norm, vector_norm
from deepnet.linalg.products import cross, diagonal, matmul, matrix_power, multi_dot, vander, vecdot
from deepnet.linalg.systems import SlogdetResult, det, inv, logdet, slogdet, solve, solve_triangular

__all__ = [
    "EighResult", "QRResult", "SVDResult", "SlogdetResult", "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv",
    "logdet", "matmul", "matrix_norm", "matrix_power", "multi_dot", "norm", "qr", "slogdet", "solve", "solve_triangular",
    "svd", "svdvals", "vander", "vecdot", "vector_norm",
]  # fmt: skip
