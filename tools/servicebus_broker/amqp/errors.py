"""Faults of the peer.

AmqpError(condition, description)     a performative can be answered with it
    ProtocolError                     ends the connection
        MalformedFrame                bytes that are not AMQP 1.0, or over our limits
EncodeError                           a value of ours that has no AMQP form: a defect of the broker
"""


class AmqpError(Exception):
    """An error with an AMQP condition, as sent to the peer."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


class ProtocolError(AmqpError):
    """The peer broke the protocol; its connection ends."""


class MalformedFrame(ProtocolError):
    """The bytes cannot be read."""

    def __init__(self, description: str) -> None:
        super().__init__("amqp:decode-error", description)


class EncodeError(TypeError):
    """The value has no AMQP encoding."""
