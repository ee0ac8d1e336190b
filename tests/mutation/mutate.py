"""Every small change that can be made to a module, one at a time.

Rule: a change is to the tree of the syntax, never to a file. What says nothing about behaviour is left alone:
annotations, docstrings, `__all__`, `__slots__`, what is logged, and the words of an error.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Mutant", "mutants"]

_OPERATORS: Final[dict[type[ast.AST], tuple[type[Any], ...]]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.UAdd: (ast.USub,),
    ast.USub: (ast.UAdd,),
    ast.Break: (ast.Continue,),
    ast.Continue: (ast.Break,),
}
_LEFT_ALONE: Final = ("__all__", "__slots__")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change."""

    line: int
    change: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its lines."""
    tree = ast.parse(source)
    places = sorted(_places(tree), key=lambda place: (place[0], place[1]))
    for line, _, change, path, value in places:
        changed = copy.deepcopy(tree)
        *way, last = path
        node: Any = changed
        for step in way:
            node = node[step] if isinstance(step, int) else getattr(node, step)
        if isinstance(last, int):
            node[last] = value
        else:
            setattr(node, last, value)
        yield Mutant(line, change, ast.fix_missing_locations(changed))


_Place = tuple[int, int, str, tuple[str | int, ...], Any]


def _places(tree: ast.Module) -> Iterator[_Place]:
    yield from _within(tree, ())


def _within(node: ast.AST, path: tuple[str | int, ...]) -> Iterator[_Place]:
    if _is_left_alone(node):
        return
    yield from _of(node, path)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        if isinstance(value, list):
            for at, item in enumerate(value):
                if isinstance(item, ast.AST) and not _is_said(node, item):
                    yield from _within(item, (*path, name, at))
        elif isinstance(value, ast.AST):
            yield from _within(value, (*path, name))


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in _LEFT_ALONE for target in node.targets)
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Constant):
            return True
        call = node.value
        return isinstance(call, ast.Call) and ast.unparse(call.func).startswith("log.")
    return isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr)


def _is_said(node: ast.AST, item: ast.AST) -> bool:
    """Whether the item is the words of the error that the node makes."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func)[:1].isupper()
        and isinstance(item, ast.Constant)
        and isinstance(item.value, str)
        and " " in item.value
    )


def _of(node: ast.AST, path: tuple[str | int, ...]) -> Iterator[_Place]:
    """The changes to this node itself."""
    line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    for changes in (_of_expression, _of_statement):
        for change, more, value in changes(node):
            yield line, column, change, (*path, *more), value


_Change = tuple[str, tuple[str | int, ...], Any]


def _of_expression(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp | ast.UnaryOp):
        for operator in _OPERATORS.get(type(node.op), ()):
            yield f"{_name(node.op)} is {operator.__name__}", ("op",), operator()
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "no `not`", (), node.operand
    if isinstance(node, ast.Compare):
        for at, compared in enumerate(node.ops):
            for operator in _OPERATORS[type(compared)]:
                yield f"{_name(compared)} is {operator.__name__}", ("ops", at), operator()
    if isinstance(node, ast.Constant):
        for value in _constants(node.value):
            yield f"{node.value!r} is {value!r}", (), ast.Constant(value)


def _of_statement(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, ast.Break | ast.Continue):
        yield f"{_name(node)} is another", (), _OPERATORS[type(node)][0]()
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(
        node.test, ast.Compare | ast.UnaryOp
    ):
        yield "the condition is its opposite", ("test",), ast.UnaryOp(ast.Not(), node.test)
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "returns None", ("value",), ast.Constant(None)
    if _may_go(node):
        yield f"no `{ast.unparse(node).splitlines()[0][:60]}`", (), ast.Pass()


def _may_go(node: ast.AST) -> bool:
    """Whether it is a statement without which the rest can still be run."""
    if isinstance(node, ast.Raise):
        return node.exc is not None
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    return isinstance(node, ast.Expr | ast.AugAssign)


def _name(node: ast.AST) -> str:
    return type(node).__name__


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _constants(value: object) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1] if value else [1]
    if isinstance(value, str):
        return [f"{value}~" if value else "~"]
    if isinstance(value, bytes):
        return [value + b"~" if value else b"~"]
    return []
