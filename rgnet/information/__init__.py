"""What a level keeps of the cause: information on arrays, and on levels (nats)."""

from rgnet.information.fisher import retained

__all__ = ["retained"]
