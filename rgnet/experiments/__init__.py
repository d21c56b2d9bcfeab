"""Experiments: the disputed claims, each a question that a study file asks by name.

An experiment is a module of this package, found by its name in `rgnet.experiments.catalogue`; `rgnet run` computes
the ``[[experiments]]`` of a study, one file a point, and reports what was found, for and against. A module has

    Parameters     pydantic model of what a study may set
    SUMMARY        one line
    run            (parameters, seed, report) -> the groups to store, each a Dataset
    paragraph      (results) -> what was found, in words

and is light to import: what its computation needs is imported inside `run`.
"""
