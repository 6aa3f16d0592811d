"""The context of an authenticated request: who asks, its query and path values, its body."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar, get_origin

from gateway_adapter.api.errors import HttpRefusal, invalid_field
from gateway_adapter.api.fields import read_text_values
from gateway_adapter.model import Account

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.requests import Request

    from gateway_adapter.api.routes.request_body import BodyReader
    from gateway_adapter.messages.service import Service

_Model = TypeVar("_Model", bound="BaseModel")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A request of a known account, and the service that answers it."""

    request: Request
    account: Account
    service: Service
    bodies: BodyReader
    now_ms: int

    @property
    def base_url(self) -> str:
        """The URL by which the customer reaches this gateway."""
        return self.service.settings.public_url.rstrip("/") or str(self.request.base_url).rstrip("/")

    def query(self, model: type[_Model]) -> _Model:
        """Parse the query string; lists come as repeated keys or with commas.

        Raises:
            InvalidRequest: A value does not match the model.
        """
        lists = _list_members(model)
        given: dict[str, object] = {}
        for name in self.request.query_params:
            values = self.request.query_params.getlist(name)
            if any("\0" in value for value in values):
                raise invalid_field(name, "holds a NUL character")
            many = [one.strip() for value in values for one in value.split(",") if one.strip()]
            given[name] = many if name in lists else values[-1]
        return read_text_values(model, given)

    def path_value(self, name: str) -> str:
        """A value of the path.

        Raises:
            HttpRefusal: It holds a NUL character, so nothing can have it as its id (404).
        """
        value: str = self.request.path_params[name]
        if "\0" in value:
            raise HttpRefusal(404, f"{name} holds a NUL character")
        return value

    async def store_media(self, chunks: AsyncIterator[bytes], media_type: str) -> str:
        """Put bytes into the media store; returns their SHA-256.

        Raises:
            HttpRefusal: There are too many (413).
        """
        return await self.service.put_media(chunks, media_type, self.service.settings.max_media_bytes)


@cache
def _list_members(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        field.alias or name for name, field in model.model_fields.items() if get_origin(field.annotation) is tuple
    )
