"""S-expressions, as KiCad writes its files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Node: TypeAlias = Any  # a keyword, a number, a Quoted, or a list of such; a recursive type fits no mixed list
_TOKEN = re.compile(r'[()]|"(?:[^"\\]|\\.)*"|[^\s()"]+|"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Quoted(str):
    """A string in quotes; a plain one is a keyword."""

    __slots__ = ()


def dump(node: Node, depth: int = 0) -> str:
    """The text of a node; what holds only plain values stands on one line."""
    if isinstance(node, Quoted):
        return '"' + node.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(node, float):
        return f"{node:.4f}".rstrip("0").rstrip(".") or "0"
    if not isinstance(node, list):
        return str(node)
    if sum(isinstance(part, list) for part in node) == 0 or _is_short(node):
        return "(" + " ".join(dump(part) for part in node) + ")"
    indent = "\t" * (depth + 1)
    parts = [dump(part, depth + 1) for part in node]
    lists = [isinstance(part, list) for part in node]
    text = parts[0]
    for part, is_list in zip(parts[1:], lists[1:], strict=True):
        text += f"\n{indent}{part}" if is_list else f" {part}"
    return f"({text}\n" + "\t" * depth + ")"


def _is_short(node: list[Node]) -> bool:
    flat = all(not isinstance(part, list) or all(not isinstance(one, list) for one in part) for part in node)
    return flat and len(node) <= 3


def parse(text: str) -> list[Node]:
    """The one expression in the text; ValueError when there is another number of them."""
    stack: list[list[Node]] = [[]]
    for word in _TOKEN.findall(text):
        if word == "(":
            stack.append([])
        elif word == ")":
            done = stack.pop()
            if not stack:
                raise ValueError("a bracket is closed that was not opened")
            stack[-1].append(done)
        elif word == '"':
            raise ValueError("no S-expression: a quote is not closed")
        elif word[0] == '"':
            stack[-1].append(Quoted(_ESCAPED.sub(r"\1", word[1:-1]) if "\\" in word else word[1:-1]))
        else:
            stack[-1].append(word)
    if len(stack) != 1 or len(stack[0]) != 1 or not isinstance(stack[0][0], list):
        raise ValueError("not one expression in brackets")
    return stack[0][0]


def children(node: list[Node], name: str) -> Iterator[list[Node]]:
    """The lists within a node that begin with this keyword."""
    for part in node:
        if isinstance(part, list) and part and part[0] == name:
            yield part


def child(node: list[Node], name: str) -> list[Node]:
    """The first of them; KeyError without one."""
    for part in children(node, name):
        return part
    raise KeyError(name)
