"""A figure for each experiment of `rgnet.experiments`: the module of the same name has ``figure(results)``."""
