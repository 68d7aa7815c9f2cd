"""Tools that take the arguments that they have and no others, and whose errors are what was raised."""

from __future__ import annotations

from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool as Registered
from pydantic import ValidationError

from dhis2_facade.errors import InvalidInput
from dhis2_facade.mcp.answers import failed
from dhis2_facade.mcp.tools import Tool

__all__ = ["Strict"]


class Strict(Registered):
    """A tool as the protocol's library has it, but that it leaves out no argument that it does not know."""

    @classmethod
    def of(cls, tool: Tool) -> Strict:
        """Make it of a tool."""
        made = cls.from_function(
            tool.function, name=tool.name, title=tool.title, annotations=tool.annotations, structured_output=True
        )
        made.parameters["additionalProperties"] = False
        return cast("Strict", made)

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Run it, if all of its arguments are its own."""
        known = self.parameters["properties"]
        if unknown := sorted(arguments.keys() - known.keys()):
            raise failed(InvalidInput(f"there is no argument {', '.join(unknown)}, only {', '.join(known) or 'none'}"))
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError):
                wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in cause.errors())
                raise failed(InvalidInput("; ".join(wrong))) from None
            if type(cause) is ToolError:  # without the words that the library puts before it: it is JSON
                raise cause from None
            raise
