"""Every network that a spec's grid allows, as a product of small parts whose costs are sums of products.

Three steps take a formula apart. A factor's values that no rounding tells apart are one. Factors that
meet inside a rounding (``floor(gamma_b * width)``) form a cluster, and the roundings are evaluated
exactly on each cluster alone, where equal networks become one again. What remains above the roundings
are sums of products: each cost is kept as terms, a coefficient and one integer vector a cluster, so
that a configuration costs a few multiplications and a lattice is never built.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import Exact
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.scaling.search.arrays import LIMIT, Array, Numbers
from x3dspec.scaling.search.clusters import Cluster, Clustering
from x3dspec.scaling.search.result import Range
from x3dspec.scaling.search.terms import Key, Sums, Terms, Vectors, most


class Lattice:
    """The product of all clusters, and what its networks cost; see the module.

    `ranges` has one entry for every factor that is set by hand. Of a cluster too large to be held, only
    the combinations are kept that can be within `limits` at all. `watch` is shown each piece that is
    done: the factors of its cluster, and how many of how many values of the first of them.

    Raises:
        Infeasible: no network of the lattice can be built.
        SpecError: a cluster that is too large, or a formula without a value somewhere.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        ranges: Iterable[Range],
        limits: Mapping[str, int] | None = None,
        watch: Callable[[Sequence[str], int, int], None] = lambda *_: None,
    ) -> None:
        self.evaluator, self.quantities = evaluator, evaluator.quantities
        self.ranges = {given.factor: given for given in ranges}
        clustering = Clustering(evaluator, self.ranges, limits or {}, watch)
        self.distinct = clustering.distinct
        self.clusters: list[Cluster] = []
        results: dict[Expr, tuple[int, Numbers]] = {}
        for place, (cluster, numbers) in enumerate(clustering.clusters()):
            self.clusters.append(cluster)
            results |= {node: (place, values) for node, values in numbers.items()}
        self.vectors = Vectors([len(cluster) for cluster in self.clusters])
        self.terms = self._terms(clustering.costs, results)

    @property
    def raw(self) -> int:
        """Combinations of grid values."""
        return math.prod(len(given.values) for given in self.ranges.values())

    @property
    def size(self) -> int:
        """Combinations that are left where equal networks are one and what cannot be built is gone.

        Not its `len`, which Python holds to a machine word.
        """
        return math.prod(map(len, self.clusters))

    def setting(self, combination: Sequence[int]) -> Setting:
        """The factors at a combination: one index a cluster."""
        setting: dict[str, Exact] = {}
        for cluster, index in zip(self.clusters, combination, strict=True):
            setting |= zip(cluster.factors, cluster.values[index], strict=True)
        return {name: setting[name] for name in self.ranges}

    def counts(self, quantity: str, combinations: Array) -> Array:
        """Exact figures at combinations: one row each, with an index a cluster."""
        terms = self.terms[quantity]
        total: Any = np.zeros(len(combinations), dtype=np.int64)
        if self.bound(quantity) >= LIMIT:
            total = total.astype(object)
        for key, coefficient in terms.scaled().items():
            total = total + coefficient * self._product(key, combinations, total.dtype)
        return np.asarray(total // terms.scale)

    def _product(self, key: Key, combinations: Array, dtype: Any) -> Any:
        chosen = [
            self.vectors.arrays[c][place][combinations[:, c]].astype(dtype)
            for c, place in enumerate(key)
            if place
        ]
        return math.prod(chosen, start=np.ones(len(combinations), dtype=dtype))

    def bound(self, quantity: str) -> int:
        """No partial sum of a figure is larger, anywhere on the lattice."""
        return sum(
            abs(coefficient) * math.prod(most(self.vectors.arrays[c][place]) for c, place in enumerate(key))
            for key, coefficient in self.terms[quantity].scaled().items()
        )

    def _terms(
        self, costs: Mapping[str, Expr], results: Mapping[Expr, tuple[int, Numbers]]
    ) -> dict[str, Terms]:
        """The costs as sums of products of what the roundings give, each a vector of its cluster."""
        algebra: Any = Sums(self.vectors)  # of sums and products alone: roundings hold the other operations
        try:
            known = {node: algebra.atom(*values) for node, values in results.items()}
            sums = Tape[Terms](costs.values(), known).run(algebra, {}, known)
        except ExpressionError as error:
            raise SpecError.at(self.evaluator.source.display, str(error)) from None
        return dict(zip(costs, map(algebra.compact, sums), strict=True))
