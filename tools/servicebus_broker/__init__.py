"""A development broker: the part of Azure Service Bus queues that the azure-servicebus SDK uses.

amqp/     AMQP 1.0 types, frames and performatives (OASIS amqp-core v1.0); knows nothing of queues
engine/   queues with locks, schedules, dead letters and their storage; knows nothing of AMQP
the rest  the server: connections, sessions, links, $cbs and $management
"""
