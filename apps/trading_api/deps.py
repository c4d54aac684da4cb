"""What routes ask for: the context, the services built on it, the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from trading_api.auth import COOKIE, Authenticator, Session
from trading_api.context import AppContext
from trading_api.errors import ProblemError
from trading_api.services.control import ControlService
from trading_api.services.live_figures import LiveFigures
from trading_models.persistence import Store

#: Roles that may stop and start trading.
CONTROL_ROLES = frozenset({"trader", "admin"})


@dataclass(frozen=True, slots=True)
class Services:
    """Use cases, built once per application."""

    context: AppContext
    authenticator: Authenticator
    control: ControlService
    figures: LiveFigures


def get_services(request: Request) -> Services:
    """Set by `create_app`."""
    return cast("Services", request.app.state.services)


ServicesDep = Annotated[Services, Depends(get_services)]


def get_store(services: ServicesDep) -> Store:
    """The store of the run."""
    return services.context.store


async def get_session(request: Request, services: ServicesDep) -> Session:
    """The caller; 401 without a live session."""
    return await services.authenticator.session(request.cookies.get(COOKIE))


SessionDep = Annotated[Session, Depends(get_session)]
StoreDep = Annotated[Store, Depends(get_store)]


def get_operator(session: SessionDep) -> Session:
    """The caller, who may control trading; 403 otherwise."""
    if session.role not in CONTROL_ROLES:
        allowed = ", ".join(sorted(CONTROL_ROLES))
        raise ProblemError(403, f"role {session.role} may not control trading", allowed=allowed)
    return session


OperatorDep = Annotated[Session, Depends(get_operator)]


def client_address(request: Request) -> str:
    """Network address of the caller."""
    return request.client.host if request.client else "unknown"


AddressDep = Annotated[str, Depends(client_address)]
