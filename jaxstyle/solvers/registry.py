"""Every solver by name."""

from collections.abc import Callable
from functools import partial

from jaxstyle.errors import InputError, unknown
from jaxstyle.solvers.lbfgs import LBFGS, SearchingLBFGS
from jaxstyle.solvers.optax_solvers import Adam, OptaxLBFGS
from jaxstyle.solvers.state import Solver

SOLVERS: dict[str, Callable[..., Solver]] = {
    "lbfgs": LBFGS,
    "lbfgs-torch": partial(LBFGS, guarded=False),
    "lbfgs-zoom": partial(SearchingLBFGS, "zoom"),
    "lbfgs-backtracking": partial(SearchingLBFGS, "backtracking"),
    "lbfgs-hager-zhang": partial(SearchingLBFGS, "hager-zhang"),
    "optax-lbfgs": OptaxLBFGS,
    "adam": Adam,
}


def make_solver(name: str, *, history: int = 20, learning_rate: float = 10.0) -> Solver:
    """A solver by name; `history` is read by the L-BFGS family, `learning_rate` by Adam."""
    if name not in SOLVERS:
        raise unknown("solver", name, SOLVERS)
    if history < 1:
        raise InputError("history", history, "must be at least 1")
    if not learning_rate > 0:
        raise InputError("learning_rate", learning_rate, "must be positive")
    return Adam(learning_rate) if name == "adam" else SOLVERS[name](history=history)
