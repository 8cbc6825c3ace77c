"""The handlers of the reference job `hello_world`."""

from core.schema.queue import QueueRole
from core.task_models.hello_world import Greeting, GreetParameters, ReplyParameters
from services.context import TaskContext
from services.registry import register_task


@register_task("hello_world_greeting", queue=QueueRole.LEGACY_TASKS)
def greet(parameters: GreetParameters, context: TaskContext) -> Greeting:
    """Say hello."""
    context.checkpoint()
    return Greeting(number=parameters.number, text=f"Hello, {parameters.name} {parameters.number}!")


@register_task("hello_world_reply", queue=QueueRole.LEGACY_TASKS)
def reply(parameters: ReplyParameters, context: TaskContext) -> Greeting:
    """Answer a greeting."""
    context.checkpoint()
    return Greeting(number=parameters.greeting.number, text=f"{parameters.greeting.text} Hello to you!")
