"""AMQP 1.0 wire format (OASIS amqp-core v1.0, parts 1 and 2), as far as a queue broker needs it."""
