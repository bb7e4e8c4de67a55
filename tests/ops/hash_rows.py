"""One hash for each row, of its results and gradients; as a script, all of them as JSON."""

from __future__ import annotations

import hashlib
import json

from op_case import OpCase, Sample, bits, flatten, floating

import deepnet as dn


def outcome(row: OpCase) -> str:
    """Hash the bits of what every call gives, and of its gradients, in float64 and float32."""
    digest = hashlib.sha256()
    for dtype in row.only or ("float64", "float32"):
        for i in range(len(row.calls)):
            sample = Sample(row, i, dtype)
            tensors = sample.tensors()
            wanted = [tensors[k].requires_grad_() for k in sample.differentiable()]
            result = sample.run(tensors)
            recorded = [r for r in floating(result) if r.requires_grad]
            starts = [dn.cos(r.detach()) for r in recorded]
            grads = dn.autograd.grad(recorded, wanted, starts, allow_unused=True) if recorded else ()
            for r in [*flatten(result), *flatten(grads)]:
                digest.update(bits(r))
    return digest.hexdigest()


def main() -> None:
    from rows import ROWS

    print(json.dumps({name: outcome(row) for name, row in ROWS.items() if row.same_bits}))


if __name__ == "__main__":
    main()
