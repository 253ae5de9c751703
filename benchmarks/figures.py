"""A figure, its target, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.table import Table

Rule = Literal["at least", "at most", "below"]


@dataclass(frozen=True)
class Figure:
    """`ours` and `theirs` in `unit`. The figure is ours / theirs; without `theirs` it is ours."""

    row: str
    what: str
    clients: int
    unit: str
    ours: float | None
    theirs: float | None = None
    target: float | None = None
    rule: Rule = "at least"
    skipped: str = ""

    @property
    def is_ratio(self) -> bool:
        return self.theirs is not None

    @property
    def value(self) -> float | None:
        if self.ours is None or self.theirs is None:
            return self.ours
        return self.ours / self.theirs

    @property
    def met(self) -> bool | None:
        """None when there is no target, or nothing was measured."""
        if self.value is None or self.target is None:
            return None
        if self.rule == "at least":
            return self.value >= self.target
        if self.rule == "at most":
            return self.value <= self.target
        return self.value < self.target


def skipped(row: str, what: str, reason: str) -> Figure:
    return Figure(row, what, 0, "", None, skipped=reason)


def as_json(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    return [asdict(f) | {"value": f.value, "met": f.met} for f in figures]


def as_table(title: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=title)
    for heading in ("row", "what", "clients", "ours", "theirs", "figure", "target", ""):
        table.add_column(heading, no_wrap=heading not in ("what", ""), overflow="fold")
    for figure in figures:
        table.add_row(*cells(figure))
    return table


def cells(figure: Figure) -> tuple[str, ...]:
    if figure.skipped:
        return (figure.row, figure.what, "", "", "", "", "", f"skipped: {figure.skipped}")
    return (
        figure.row,
        figure.what,
        str(figure.clients),
        _amount(figure.ours, figure.unit),
        _amount(figure.theirs, figure.unit),
        _amount(figure.value, "×" if figure.is_ratio else figure.unit),
        _target(figure),
        {True: "met", False: "missed", None: ""}[figure.met],
    )


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.2f} {unit}"


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign = {"at least": "≥", "at most": "≤", "below": "<"}[figure.rule]
    return f"{sign} {figure.target:g} {'×' if figure.is_ratio else figure.unit}"
