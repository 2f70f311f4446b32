"""Linear equations by their action alone: GMRES for many right-hand sides at once.

SciPy's `gmres` takes one right-hand side; here each application serves all of them, as a product of matrices.
"""

from collections.abc import Callable

import numpy as np

from rnnkernel._types import Array

_MOST = 250  # steps; each keeps one more vector for each right-hand side
_LOOK = 4  # steps between two looks at what is left


def gmres(apply: Callable[[Array], Array], b: Array) -> Array:
    """Solve apply(x) = b column by column, each by the best combination of b, apply(b), apply(apply(b)) and so on.

    `apply` is a linear map of the columns of arrays (n, n_columns) like b.  It ends when what is left of b no longer
    falls, and raises ``ArithmeticError`` if that is more than 1e-9 of some column.
    """
    size = np.linalg.norm(b, axis=0)
    scale = np.where(size > 0, size, 1.0)
    basis, H = [b / scale], np.zeros((b.shape[1], 1, 0))  # apply(basis) = (one more basis) H, column by column
    before = np.inf
    for k in range(_MOST):
        v = apply(basis[-1])
        added = np.zeros((b.shape[1], k + 2, 1))
        for _ in range(2):  # twice is enough for orthogonality to rounding
            for j, u in enumerate(basis):
                along = np.einsum("nc,nc->c", u, v)
                v = v - along * u
                added[:, j, 0] += along
        added[:, k + 1, 0] = length = np.linalg.norm(v, axis=0)
        H = np.concatenate([np.pad(H, ((0, 0), (0, 1), (0, 0))), added], axis=2)
        basis.append(v / np.where(length > 0, length, 1.0))
        if k % _LOOK == _LOOK - 1 or k == _MOST - 1 or length.max() < 1e-14:
            y, left = _least_squares(H, size > 0)
            if left < 1e-15 or length.max() < 1e-14 or (left < 1e-10 and left > before / 2):
                break
            before = left
    x = sum(y[:, j] * basis[j] for j in range(y.shape[1])) * scale
    worst = (np.linalg.norm(apply(x) - b, axis=0) / scale).max(initial=0.0)
    if worst > 1e-9:
        raise ArithmeticError(
            f"the Poisson equation is solved to a share of {worst:.1g} only: memory hardly contracts on this chain"
        )
    return np.asarray(x)


def _least_squares(H: Array, wanted: Array) -> tuple[Array, float]:
    """Return the y with the smallest ‖e_1 − H y‖ for each column, and the largest of these lengths."""
    y = np.asarray(np.linalg.pinv(H), dtype=float)[:, :, :1]
    rest = -H @ y
    rest[:, 0] += 1
    return y[:, :, 0], float((np.linalg.norm(rest, axis=(1, 2)) * wanted).max(initial=0.0))
