"""Service Bus connections named by triggers, opened once per worker.

A connection `NAME` is the app setting NAME (or AzureWebJobsNAME) with a connection string, or
`NAME__fullyQualifiedNamespace` with the identity of azure-identity's DefaultAzureCredential
(`NAME__clientId` picks a user-assigned one).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.servicebus import ServiceBusReceiveMode, TransportType
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from tools.functions_host.errors import SettingsError
from tools.functions_host.settings import resolve_names

DEFAULT_CONNECTION = "AzureWebJobsServiceBus"
# Our receive loop reconnects by itself, within a second; the SDK's own retries would wait up to 11 s.
_NO_SDK_RETRIES: dict[str, Any] = {"retry_total": 0}
_TRANSPORTS = {"amqptcp": TransportType.Amqp, "amqpwebsockets": TransportType.AmqpOverWebsocket}


class ThreadedCredential:
    """An async face of a sync credential: azure-identity's own async classes need aiohttp."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token for `scopes`, fetched in a thread."""
        return await asyncio.to_thread(self._credential.get_token, *scopes, **options)

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> "ThreadedCredential":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Connections:
    """Clients by connection name."""

    def __init__(self, environment: Mapping[str, str], *, transport_type: str = "amqpTcp") -> None:
        self._environment = environment
        self._clients: dict[str, ServiceBusClient] = {}
        try:
            self._transport = _TRANSPORTS[transport_type.lower()]
        except KeyError as exc:
            raise SettingsError(f"host.json: unknown transportType {transport_type!r}") from exc

    def client(self, name: str | None) -> ServiceBusClient:
        """The client of connection `name`. Raises SettingsError when no setting describes it."""
        resolved = resolve_names(name or DEFAULT_CONNECTION, self._environment)
        if resolved not in self._clients:
            self._clients[resolved] = self._open(resolved)
        return self._clients[resolved]

    def receiver_opener(self, trigger: Any) -> Callable[[], ServiceBusReceiver]:
        """What opens the PEEK_LOCK receiver of a queue or topic trigger.

        Raises SettingsError now, at start, for a connection or a name without value.
        """
        client = self.client(trigger.connection)
        options: dict[str, Any] = {"receive_mode": ServiceBusReceiveMode.PEEK_LOCK}
        if queue := getattr(trigger, "queue_name", None):
            name = resolve_names(queue, self._environment)
            return lambda: client.get_queue_receiver(name, **options)
        topic = resolve_names(trigger.topic_name, self._environment)
        subscription = resolve_names(trigger.subscription_name, self._environment)
        return lambda: client.get_subscription_receiver(topic, subscription, **options)

    async def close(self) -> None:
        """Close every client; receivers must be closed before."""
        await asyncio.gather(*(client.close() for client in self._clients.values()), return_exceptions=True)

    def _open(self, name: str) -> ServiceBusClient:
        options = {**_NO_SDK_RETRIES, "transport_type": self._transport}
        if text := self._environment.get(name) or self._environment.get(f"AzureWebJobs{name}"):
            try:
                return ServiceBusClient.from_connection_string(text, **options)
            except ValueError as exc:
                raise SettingsError(f"the connection string {name} is malformed: {exc}") from exc
        namespace = self._environment.get(f"{name}__fullyQualifiedNamespace")
        if not namespace:
            raise SettingsError(
                f"no connection {name}: set {name} to a connection string,"
                f" or {name}__fullyQualifiedNamespace to a namespace"
            )
        return ServiceBusClient(namespace, credential=self._credential(name), **options)

    def _credential(self, name: str) -> Any:
        # Imported here: it takes a third of a second and local stacks use connection strings.
        from azure.identity import DefaultAzureCredential

        client_id = self._environment.get(f"{name}__clientId")
        return ThreadedCredential(DefaultAzureCredential(managed_identity_client_id=client_id))
