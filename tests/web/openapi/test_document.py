"""The document is valid, says what the routes and the models say, and is the one that is served."""

import re
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.described import DOCUMENT, operations, resolve, response_of

import scores
from scores.errors import ScoresError
from scores.models import MAX_EXAM, MAX_ID_LENGTH, MAX_MARK
from scores.web.openapi.document import printed
from scores.web.openapi.errors import ACCESS, ERRORS, EVERYWHERE, ON_NO_OPERATION
from scores.web.openapi.headers import HEADERS, ON_ALL, ON_ERRORS, ON_READS
from scores.web.openapi.operations import IF_CHANGED, OPERATIONS
from scores.web.openapi.parameters import HEADER_FIELDS, IN_PATH, IN_QUERY, template
from scores.web.queries import DEFAULT_LIMIT, MAX_LIMIT
from scores.web.routes import ROUTES

SERVED = {(route.method, template(route.path)) for route in ROUTES}


def test_it_is_valid_openapi_3_1() -> None:
    assert [*OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_it_is_the_same_whenever_it_is_made() -> None:
    assert printed(ROUTES) == printed(ROUTES)
    assert orjson.loads(printed(ROUTES)) == DOCUMENT


def test_it_has_the_version_of_the_package() -> None:
    assert DOCUMENT["info"]["version"] == scores.__version__
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_every_route_is_an_operation_and_every_operation_a_route() -> None:
    assert {(method, path) for method, path, _ in operations()} == SERVED
    assert set(OPERATIONS) == SERVED


@pytest.mark.parametrize(("method", "path", "operation"), [*operations()], ids=str)
def test_an_operation_says_all_that_people_need(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"][0].isupper()
    assert operation["tags"][0] in [tag["name"] for tag in DOCUMENT["tags"]]
    for status in operation["responses"]:
        assert resolve(operation["responses"][status])["description"]


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {template(route.path)}")
def test_a_routes_parameters_are_described(route: Any) -> None:
    operation = DOCUMENT["paths"][template(route.path)][route.method.lower()]
    named = {(one["in"], one["name"]) for one in operation.get("parameters", [])}
    in_path = re.findall(r"\{(\w+)", route.path)
    fields = OPERATIONS[route.method, template(route.path)].headers
    assert named == (
        {("path", name) for name in in_path}
        | {("query", name) for name in route.query}
        | {("header", name) for name in fields}
        | {("header", IF_CHANGED) for _ in route.method if "304" in operation["responses"]}
    )


def test_every_description_is_used() -> None:
    used = {one["name"] for _, _, operation in operations() for one in operation.get("parameters", [])}
    assert used == {*IN_PATH, *IN_QUERY, *HEADER_FIELDS}


def test_every_error_is_on_an_operation_or_never_leaves_by_http() -> None:
    on_operations = {code for one in OPERATIONS.values() for code in one.errors} | EVERYWHERE | ACCESS
    assert (on_operations | ON_NO_OPERATION) == set(ERRORS)
    assert not on_operations & ON_NO_OPERATION


def test_the_whole_tree_of_errors_is_known() -> None:
    tree = [ScoresError]
    for error in tree:
        tree += [one for one in error.__subclasses__() if one.__module__ == "scores.errors"]
        assert ERRORS[error.code].status == error.status
        assert issubclass(error, ERRORS[error.code])


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in operations()])
def test_the_errors_of_an_operation_are_described(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method.lower()]
    for code in EVERYWHERE | OPERATIONS[method, path].errors:
        response = response_of(operation, ERRORS[code].status)
        assert response is not None
        assert f"`{code}`" in response["description"]
        kinds = response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]
        assert f"urn:problem-type:scores:{code}" in kinds["type"]["enum"]
        assert kinds["status"] == {"const": ERRORS[code].status}


def test_the_limits_are_those_of_the_models() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ExamNumber"]["maximum"] == MAX_EXAM
    assert schemas["Mark"]["maximum"] == MAX_MARK
    assert (schemas["Id"]["minLength"], schemas["Id"]["maxLength"]) == (1, MAX_ID_LENGTH)
    (limit,) = (
        one["schema"] for one in DOCUMENT["paths"]["/exams"]["get"]["parameters"] if one["name"] == "limit"
    )
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, MAX_LIMIT, DEFAULT_LIMIT)


def test_every_header_that_is_named_is_described() -> None:
    named = {
        name for one in OPERATIONS.values() for answer in one.answers.values() for name in answer.headers
    }
    assert named | {*ON_READS, *ON_ALL} | {name for names in ON_ERRORS.values() for name in names} <= set(
        HEADERS
    )


def test_nothing_is_referred_to_that_is_not_there() -> None:
    for found in re.findall(rb'"\$ref": "([^"]+)"', printed(ROUTES)):
        assert resolve({"$ref": found.decode()})


def test_no_component_is_there_for_nothing() -> None:
    text = printed(ROUTES).decode()
    for kind in ("schemas", "responses", "headers"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text


async def test_it_is_what_the_server_serves(api: Any) -> None:
    answer = await api.get("/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body == printed(ROUTES)
