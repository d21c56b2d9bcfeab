"""What one spin feels of an operator: for spins ±1, on a given lattice."""

from collections.abc import Sequence

from rgnet.operators.data import Offset, Operator, Term


def distinct_factors(term: Term, shape: Sequence[int], boundary: Sequence[str]) -> Term:
    """The term as a product of distinct spins ±1 on this lattice: offsets that coincide by wrapping cancel in pairs.

    On a periodic side of length 2, the pair at distance 2 is s² = 1: the empty term, a constant.

    Raises
    ------
    ValueError
        If the cancelled spins reach further across a free side than the rest, so that the product of the rest would
        count where the term does not.
    """
    counts: dict[Offset, int] = {}
    for offset in term:
        wrapped = tuple(
            step % side if name == "periodic" else step
            for step, side, name in zip(offset, shape, boundary, strict=True)
        )
        counts[wrapped] = counts.get(wrapped, 0) + 1
    rest = tuple(sorted(offset for offset, count in counts.items() if count % 2))
    for axis, name in enumerate(boundary):
        if name == "free" and rest and len(rest) < len(term):
            reaches = [(min(o[axis] for o in offsets), max(o[axis] for o in offsets)) for offsets in (term, rest)]
            if reaches[0] != reaches[1]:
                raise ValueError(
                    f"the product of spins at {term} folds onto itself across a periodic side of shape "
                    f"{tuple(shape)} while it reaches across a free one: give the periodic side more sites, or "
                    "leave out the repeated spin"
                )
    return rest


def local_terms(item: Operator, shape: Sequence[int], boundary: Sequence[str]) -> list[Term]:
    """Products whose sum multiplies the spin at the origin: S_a = s_i · Σ_products(others) + (terms without s_i).

    Each product is given by the offsets of the other spins; a product occurs once for every term and place in it.
    For spins ±1.
    """
    products = []
    for term in item.terms:
        distinct = distinct_factors(term, shape, boundary)
        for place, origin in enumerate(distinct):
            others = (offset for k, offset in enumerate(distinct) if k != place)
            products.append(tuple(tuple(a - b for a, b in zip(o, origin, strict=True)) for o in others))
    return products
