"""The error of `rgnet.cheap` for what a user asks and cannot have: the value, the rule and the remedy."""


class CheapError(ValueError):
    """What was asked of a network cannot be had; the message says the value, the rule and the remedy."""
