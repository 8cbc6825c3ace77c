"""`hello_world`: the reference job's tasks."""

from pydantic import BaseModel, ConfigDict


class GreetParameters(BaseModel):
    """Whom to greet, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    number: int


class Greeting(BaseModel):
    """What was said to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    text: str


class ReplyParameters(BaseModel):
    """The greeting to answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    greeting: Greeting
