"""Linear equations by their action alone: GMRES for many right-hand sides at once.

SciPy's `gmres` takes one right-hand side; here each application serves all of them, as a product of matrices.
"""

from collections.abc import Callable

import numpy as np

from rnnkernel._types import Array

_MOST = 250  # steps; each keeps one more vector for each right-hand side


def gmres(apply: Callable[[Array], Array], b: Array, tolerance: float = 1e-15) -> Array:
    """Solve apply(x) = b column by column, each by the best combination of b, apply(b), apply(apply(b)), …

    Parameters
    ----------
    apply : callable
        A linear map of the columns of an array (n, n_columns).
    b : ndarray, shape (n, n_columns)
        Right-hand sides.
    tolerance : float
        The residual, as a share of b, at which a column is solved.  It ends earlier where rounding ends it.

    Returns
    -------
    ndarray, shape (n, n_columns)

    Raises
    ------
    ArithmeticError
        If some residual is not below 1e-9 of its right-hand side after 250 steps.
    """
    size = np.linalg.norm(b, axis=0)
    scale = np.where(size > 0, size, 1.0)
    basis, H = [b / scale], np.zeros((b.shape[1], 1, 0))
    best = np.inf
    for k in range(_MOST):
        v = apply(basis[-1])
        column = np.zeros((b.shape[1], k + 2, 1))
        for _ in range(2):  # twice is enough for orthogonality to rounding
            for j, u in enumerate(basis):
                h = np.einsum("nc,nc->c", u, v)
                v = v - h * u
                column[:, j, 0] += h
        length = np.linalg.norm(v, axis=0)
        column[:, k + 1, 0] = length
        H = np.concatenate([np.pad(H, ((0, 0), (0, 1), (0, 0))), column], axis=2)
        basis.append(v / np.where(length > 0, length, 1.0))
        if k % 4 == 3 or k == _MOST - 1 or length.max() < 1e-14:
            q, r = np.linalg.qr(H)
            first = q[:, 0, :]  # of the residual's smallest length, with e_1 as the right-hand side
            left = np.sqrt(np.maximum(1 - (first**2).sum(axis=1), 0.0)) * (size > 0)
            if left.max() <= 3e-8 or length.max() < 1e-14:  # below that the difference says nothing: take the vector
                y = np.linalg.solve(r, first[:, :, None])
                e = np.eye(k + 2)[:1].T
                left = np.linalg.norm(e - H @ y, axis=(1, 2)) * (size > 0)
                if left.max() <= tolerance or (left.max() <= 1e-13 and left.max() > 0.5 * best):
                    break
            best = left.max()
    else:
        y = np.linalg.solve(*(np.linalg.qr(H)[1], np.linalg.qr(H)[0][:, 0, :][:, :, None]))
    x = sum(y[:, j, 0] * basis[j] for j in range(y.shape[1])) * scale
    worst = (np.linalg.norm(apply(x) - b, axis=0) / scale).max(initial=0.0)
    if worst > 1e-9:
        raise ArithmeticError(
            f"the Poisson equation was solved to a share of {worst:.1g} only: memory hardly contracts on this chain"
        )
    return np.asarray(x)
