"""The reference: the same two calls as FastAPI and SQLAlchemy's ORM are usually written.

Async sessions over psycopg, one a request; models over dbkit's own tables; everything that an
answer needs is loaded ahead. The tree of choices is loaded as one `selectinload` of all nodes and
put together here: a `selectinload` for each level took twice the time. Pydantic models are the
return types, so FastAPI prints them without a copy in between.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Generic, TypeAlias, TypeVar

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, MetaData, Numeric, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

# --- tables ----------------------------------------------------------------------------------


class Base(DeclarativeBase):
    metadata = MetaData(schema="dbkit")


class Store(Base):
    __tablename__ = "stores"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    currency: Mapped[str]
    is_active: Mapped[bool]
    is_open: Mapped[bool]


class MenuCategory(Base):
    __tablename__ = "menu_categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("dbkit.stores.id"))
    name: Mapped[str]
    position: Mapped[int]
    is_active: Mapped[bool]
    store: Mapped[Store] = relationship()
    items: Mapped[list[MenuItem]] = relationship(
        primaryjoin="and_(MenuCategory.id == MenuItem.category_id, MenuItem.is_active)",
        order_by="MenuItem.position, MenuItem.id",
        viewonly=True,
    )


class MenuItem(Base):
    __tablename__ = "menu_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("dbkit.menu_categories.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    position: Mapped[int]
    is_active: Mapped[bool]
    is_available: Mapped[bool]
    customizations: Mapped[list[Customization]] = relationship(
        primaryjoin="and_(MenuItem.id == Customization.menu_item_id, Customization.is_active)",
        order_by="Customization.position, Customization.id",
        viewonly=True,
    )


class Customization(Base):
    __tablename__ = "menu_item_customizations"

    id: Mapped[int] = mapped_column(primary_key=True)
    menu_item_id: Mapped[int] = mapped_column(ForeignKey("dbkit.menu_items.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("dbkit.menu_item_customizations.id"))
    level: Mapped[int]
    name: Mapped[str]
    price_delta: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    min_select: Mapped[int]
    max_select: Mapped[int]
    position: Mapped[int]
    is_default: Mapped[bool]
    is_active: Mapped[bool]
    is_available: Mapped[bool]


Below: TypeAlias = Mapping[int | None, list[Customization]]

# --- answers ---------------------------------------------------------------------------------


class StoreShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    currency: str
    is_open: bool


class SubOptionShown(BaseModel):
    id: int
    name: str
    price_delta: float
    available: bool
    default: bool


class SubGroupShown(BaseModel):
    id: int
    name: str
    min_select: int
    max_select: int
    options: list[SubOptionShown]


class OptionShown(SubOptionShown):
    customizations: list[SubGroupShown]


class GroupShown(BaseModel):
    id: int
    name: str
    min_select: int
    max_select: int
    options: list[OptionShown]


class ItemShown(BaseModel):
    id: int
    name: str
    description: str | None
    price: float
    available: bool
    customizations: list[GroupShown]


class CategoryShown(BaseModel):
    id: int
    store_id: int
    name: str
    items: list[ItemShown]


class MenuShown(BaseModel):
    categories: list[CategoryShown]


T = TypeVar("T")


class Answer(BaseModel, Generic[T]):
    data: T


class Asked(BaseModel):
    store_id: int


# --- from one to the other -------------------------------------------------------------------


def _show_category(category: MenuCategory) -> CategoryShown:
    return CategoryShown(
        id=category.id,
        store_id=category.store_id,
        name=category.name,
        items=[_show_item(item) for item in category.items],
    )


def _show_item(item: MenuItem) -> ItemShown:
    below: dict[int | None, list[Customization]] = defaultdict(list)
    for node in item.customizations:
        below[node.parent_id].append(node)
    return ItemShown(
        id=item.id,
        name=item.name,
        description=item.description,
        price=float(item.price),
        available=item.is_available,
        customizations=[_show_group(group, below) for group in below[None]],
    )


def _show_group(group: Customization, below: Below) -> GroupShown:
    return GroupShown(
        id=group.id,
        name=group.name,
        min_select=group.min_select,
        max_select=group.max_select,
        options=[_show_option(option, below) for option in below[group.id]],
    )


def _show_option(option: Customization, below: Below) -> OptionShown:
    return OptionShown(
        id=option.id,
        name=option.name,
        price_delta=float(option.price_delta),
        available=option.is_available,
        default=option.is_default,
        customizations=[_show_sub_group(group, below) for group in below[option.id]],
    )


def _show_sub_group(group: Customization, below: Below) -> SubGroupShown:
    return SubGroupShown(
        id=group.id,
        name=group.name,
        min_select=group.min_select,
        max_select=group.max_select,
        options=[_show_sub_option(option) for option in below[group.id]],
    )


def _show_sub_option(option: Customization) -> SubOptionShown:
    return SubOptionShown(
        id=option.id,
        name=option.name,
        price_delta=float(option.price_delta),
        available=option.is_available,
        default=option.is_default,
    )


# --- the service -----------------------------------------------------------------------------

engine = create_async_engine(
    os.environ["REFERENCE_URL"],
    pool_size=int(os.environ["REFERENCE_POOL"]),
    max_overflow=0,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as made:
        yield made


Session = Annotated[AsyncSession, Depends(session)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/rpc/get_menu_items")
async def get_menu_items(asked: Asked, session: Session) -> Answer[MenuShown]:
    found = await session.scalars(
        select(MenuCategory)
        .join(MenuCategory.store)
        .where(MenuCategory.store_id == asked.store_id, MenuCategory.is_active, Store.is_active)
        .order_by(MenuCategory.position, MenuCategory.id)
        .options(selectinload(MenuCategory.items).selectinload(MenuItem.customizations))
    )
    shown = [_show_category(category) for category in found if category.items]
    return Answer(data=MenuShown(categories=shown))


@app.post("/rpc/bench_store")
async def get_store(asked: Asked, session: Session) -> Answer[StoreShown]:
    store = await session.get(Store, asked.store_id)
    if store is None or not store.is_active:
        raise HTTPException(404, "There is no such store.")
    return Answer(data=StoreShown.model_validate(store))
