"""The smallest plugin worth having: a teacher that answers with the question, to try recipes at no cost."""

from dataclasses import dataclass
from typing import Annotated

from magicoder_core import Reply, Request, Teacher, hookimpl


@dataclass(frozen=True, kw_only=True)
class Echo(Teacher):
    """Answers with the last message."""

    upper: Annotated[bool, "in capitals"] = False

    async def complete(self, request: Request) -> Reply:
        """The last message again."""
        text = request.messages[-1].content
        return Reply(text=text.upper() if self.upper else text, model="echo")


@hookimpl
def teacher() -> dict[str, type[Teacher]]:
    """Echo."""
    return {"echo": Echo}
