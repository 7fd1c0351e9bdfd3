# SPDX-License-Identifier: Apache-2.0
"""What endpoints and their dependencies ask for, found out when a route is made.

FastAPI looks at every declaration again for each request, which takes longer than most answers do.
Here each is looked at once. Declarations and the document stay FastAPI's, and so does the solving
of what is less plain than `plan` says.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import fields
from inspect import iscoroutinefunction
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.params import Body
from pydantic import BaseModel, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from pons_gateway.query import read_query, refused

PLAIN = frozenset(
    (
        *("call", "name", "path", "scope", "use_cache", "request_param_name"),
        *("dependencies", "path_params", "query_params", "body_params"),
    )
)
"""What a plan knows of, in FastAPI's description of a function."""
SINGLE = frozenset((str, int, float, bool, NoneType))
"""Types of parameters of the query whose value is one text."""
MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
"""What FastAPI tells of a body that is not there."""

Call = Callable[..., Any]
Solved = dict[Call, Any]
"""What dependencies gave: each is called once for a request."""
Solve = Callable[[Request, Solved], Awaitable[Any]]
Read = Callable[[Request], Any]


class NotPlain(Exception):
    """Only FastAPI can solve this."""


def plan(dependant: Dependant) -> Solve:
    """Calls an endpoint, or a dependency, with what a request has for it.

    That is text of the path, parameters of the query, one body of JSON, the request itself, and
    what other such functions give; all are `async`. Raises `NotPlain` where anything else is asked
    for. The plan raises `RequestValidationError` as FastAPI does.
    """
    call = dependant.call
    if not iscoroutinefunction(call) or not dependant.use_cache or _asks_for_more(dependant):
        raise NotPlain
    below = [(one.name, cast(Call, one.call), plan(one)) for one in dependant.dependencies]
    reads = [(one.name, _segment(one.name, one.field_info)) for one in dependant.path_params]
    if (name := dependant.request_param_name) is not None:
        if not (below or reads or dependant.query_params or dependant.body_params):
            return lambda request, _: call(**{name: request})
        reads.append((name, lambda request: request))
    single: dict[str, Any] = {}
    for one in dependant.query_params:
        kind = one.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            reads.append((one.name, _query(kind)))
        elif _is_single(kind):
            single[one.name] = (kind, one.field_info)
        else:
            raise NotPlain
    singles = create_model("Query", **single) if single else None
    body = _body(one.field_info for one in dependant.body_params)

    async def solve(request: Request, solved: Solved) -> Any:
        values = {}
        for name, key, solve in below:
            if key not in solved:
                solved[key] = await solve(request, solved)
            if name is not None:
                values[name] = solved[key]
        for name, read in reads:
            values[name] = read(request)
        if singles is not None:
            values.update(read_query(request, singles).__dict__)
        if body is not None:
            values[dependant.body_params[0].name] = await body(request)
        return await call(**values)

    return solve


def _asks_for_more(dependant: Dependant) -> bool:
    return any(getattr(dependant, one.name) for one in fields(Dependant) if one.name not in PLAIN)


def _is_single(kind: Any) -> bool:
    return SINGLE.issuperset(get_args(kind) if get_origin(kind) in (Union, UnionType) else [kind])


def _segment(name: str, field: FieldInfo) -> Read:
    if field.annotation is not str or field.metadata:
        raise NotPlain
    alias = field.alias or name
    return lambda request: request.scope["path_params"][alias]


def _query(model: type[BaseModel]) -> Read:
    return lambda request: read_query(request, model)


def _body(asked: Iterable[FieldInfo]) -> Callable[[Request], Awaitable[Any]] | None:
    known = list(asked)
    if not known:
        return None
    field = known[0]
    if len(known) > 1 or type(field) is not Body or field.embed or field.metadata:
        raise NotPlain
    adapter: TypeAdapter[Any] = TypeAdapter(cast(type, field.annotation))

    async def body(request: Request) -> Any:
        if not await request.body():
            if field.is_required():
                raise RequestValidationError([MISSING])
            return field.get_default(call_default_factory=True)
        try:
            return adapter.validate_python(await request.json())
        except ValidationError as error:
            raise refused(error, "body") from None

    return body
