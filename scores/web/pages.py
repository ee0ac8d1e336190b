"""Answers that are pages: `next` in the body, and the same link in the header (RFC 8288)."""

from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web

from scores.models import Page
from scores.web.bodies import respond
from scores.web.queries import link_next

__all__ = ["respond_page"]

T = TypeVar("T")


def respond_page(request: web.Request, data: Mapping[str, object], page: Page[T]) -> web.Response:
    """The answer with this document and the way to the page after this one, null at the end."""
    link = link_next(request, page)
    response = respond({**data, "next": link})
    if link is not None:
        response.headers["Link"] = f'<{link}>; rel="next"'
    return response
