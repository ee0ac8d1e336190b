"""`POST /scores`, `/inspectors` and `/inspectors/{UUID}`."""

from functools import partial

from aiohttp import web
from aiohttp.hdrs import CONTENT_TYPE

from scores.errors import BadRequest, NotFound, StoreError
from scores.models import Inspector, InspectorKey, parse_score
from scores.web.bodies import JSON, read_json
from scores.web.bulk import NDJSON, post_scores
from scores.web.caching import inspector_tag, respond_tagged
from scores.web.idempotency import HEADER, add_once, read_key
from scores.web.keys import STORE
from scores.web.pages import respond_page
from scores.web.queries import read_slice
from scores.web.receipt import Receipt

__all__ = ["delete_inspector", "document", "get_inspector", "list_inspectors", "post_score"]


async def post_score(request: web.Request) -> web.StreamResponse:
    """Adds a score to an inspector, and answers with the mean of all of them, this one included."""
    key = read_key(request)
    if request.headers.get(CONTENT_TYPE) != JSON and request.content_type == NDJSON:
        if key is not None:
            raise BadRequest(f"{HEADER} is for a single score ({JSON}): it cannot be sent with {NDJSON}")
        return await post_scores(request)
    score, store = parse_score(await read_json(request)), request.app[STORE]
    if key is not None:
        added: Inspector | StoreError = await add_once(request, score, key)
    elif store.add_now is not None:
        added = store.add_now(score)
    else:
        (added,) = await store.add([score])
    if isinstance(added, StoreError):
        raise added
    return Receipt({"UUID": added.uuid, "mean": added.mean})


async def list_inspectors(request: web.Request) -> web.Response:
    """Every inspector, with the mean of all of their scores."""
    part = read_slice(request)
    page = await request.app[STORE].inspectors(after=part.after, limit=part.limit)
    inspectors = [document(inspector) for inspector in page.items]
    return respond_page(request, {"inspectors": inspectors, "total": page.total}, page)


async def get_inspector(request: web.Request) -> web.Response:
    """One inspector."""
    uuid = request.match_info["uuid"]
    inspector = await request.app[STORE].inspector(uuid)
    if inspector is None:
        raise NotFound(f"no inspector {uuid!a} is known")
    return respond_tagged(request, inspector_tag(inspector), partial(document, inspector))


async def delete_inspector(request: web.Request) -> web.Response:
    """Forgets an inspector with all of their scores."""
    uuid = request.match_info["uuid"]
    if not await request.app[STORE].remove(InspectorKey(uuid)):
        raise NotFound(f"no inspector {uuid!a} is known")
    return web.Response(status=204)


def document(inspector: Inspector) -> dict[str, object]:
    """What `/inspectors/{UUID}` says."""
    return {"UUID": inspector.uuid, "mean": inspector.mean, "count": inspector.count}
