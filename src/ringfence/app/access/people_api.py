"""The API of people, approvals, single sign-on and the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from ringfence.app.access import anchors, approvals, people, sso
from ringfence.app.access.guard import access_of, principal_of
from ringfence.app.access.sealing import audit_key
from ringfence.app.access.shapes import (
    ApprovalAnswer,
    AuditAnswer,
    AuditPage,
    CheckpointAnswer,
    Decision,
    Demand,
    Ended,
    Fault,
    Invite,
    Link,
    Mapped,
    PersonAnswer,
    Reason,
    Roles,
    SsoShape,
    StepAnswer,
    approval_answer,
    entry_answer,
    person_answer,
)
from ringfence.model.errors import RingfenceError
from ringfence.store import approvals as approval_rows
from ringfence.store import audit, settings
from ringfence.store import people as rows
from ringfence.store.audit_check import check

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["people"])

_PAGE = 500  # entries of the audit log at once


@router.get("/people", response_model=list[PersonAnswer])
def list_people(request: Request) -> list[PersonAnswer]:
    """List everybody."""
    with access_of(request).platform.database.reading() as connection:
        return [person_answer(row) for row in rows.everybody(connection)]


@router.post("/people/invite", response_model=Link, status_code=201)
def invite(request: Request, body: Invite) -> Link:
    """Make a one-time link: whoever opens it first becomes a person with these roles."""
    principal = principal_of(request)
    grants = [(grant.role, grant.site) for grant in body.roles]
    return Link(link=people.invite(access_of(request), grants, principal.name, principal.via, why=body.why))


@router.get("/people/{id}", response_model=PersonAnswer)
def person(request: Request, id: str) -> PersonAnswer:  # noqa: A002 The word of the path.
    """Show one person."""
    with access_of(request).platform.database.reading() as connection:
        row = rows.by_id(connection, id)
    if row is None:
        raise RingfenceError("not-found", id)
    return person_answer(row)


@router.put("/people/{id}/roles", response_model=PersonAnswer)
def set_roles(request: Request, id: str, body: Roles) -> PersonAnswer:  # noqa: A002 As above.
    """Replace somebody's local roles; those that groups give stay."""
    principal = principal_of(request)
    grants = [(grant.role, grant.site) for grant in body.roles]
    return person_answer(people.set_roles(access_of(request), id, grants, principal.name, principal.via, body.why))


@router.post("/people/{id}/disable", response_model=PersonAnswer)
def disable(request: Request, id: str, body: Reason) -> PersonAnswer:  # noqa: A002 As above.
    """Disable somebody; sessions and tokens end at once."""
    principal = principal_of(request)
    return person_answer(people.disable(access_of(request), id, principal.name, principal.via, body.why))


@router.post("/people/{id}/sessions/end", response_model=Ended)
def end_sessions(request: Request, id: str, body: Reason) -> Ended:  # noqa: A002 As above.
    """Log somebody out everywhere; they may log in again."""
    principal = principal_of(request)
    return Ended(ended=people.end_sessions(access_of(request), id, principal.name, principal.via, body.why))


@router.post("/people/{id}/enable", response_model=PersonAnswer)
def enable(request: Request, id: str, body: Reason) -> PersonAnswer:  # noqa: A002 As above.
    """Let somebody in again."""
    principal = principal_of(request)
    return person_answer(people.enable(access_of(request), id, principal.name, principal.via, body.why))


@router.post("/people/{id}/link", response_model=Link, status_code=201)
def new_link(request: Request, id: str, body: Reason) -> Link:  # noqa: A002 As above.
    """Make a one-time link by which somebody sets a new password; it also removes the second factor."""
    principal = principal_of(request)
    made = people.invite(access_of(request), (), principal.name, principal.via, person=id, why=body.why)
    return Link(link=made)


@router.get("/approvals", response_model=list[ApprovalAnswer])
def list_approvals(request: Request) -> list[ApprovalAnswer]:
    """List what waits for another person, newest first: one's own, and what one may decide."""
    principal = principal_of(request)
    found = approvals.listed(access_of(request), principal)
    return [approval_answer(row, name, row.asked_by == principal.person) for row, name in found]


@router.get("/approvals/setting", response_model=Demand)
def demand(request: Request) -> Demand:
    """Say for which acts four eyes are demanded."""
    with access_of(request).platform.database.reading() as connection:
        return Demand(acts=settings.get(connection, approvals.SETTING, {}).get("acts", []))


@router.put("/approvals/setting", response_model=Demand)
def set_demand(request: Request, body: Demand) -> Demand:
    """Set for which acts four eyes are demanded."""
    return Demand(acts=approvals.set_demanded(access_of(request), principal_of(request), body.acts))


@router.post("/approvals/{id}", response_model=ApprovalAnswer)
def decide(request: Request, id: str, body: Decision) -> ApprovalAnswer:  # noqa: A002 As above.
    """Approve or refuse exactly what the digest says."""
    access, principal = access_of(request), principal_of(request)
    with access.platform.database.reading() as connection:
        waiting = approval_rows.by_id(connection, id)
        asker = rows.by_id(connection, waiting.asked_by) if waiting else None
    if waiting is None or waiting.digest != body.digest:
        raise RingfenceError("not-found", id, "no request waits under this id with this digest")
    row = approvals.decide(access, principal, id, body.answer, body.why)
    return approval_answer(row, asker.name if asker else row.asked_by, False)


@router.get("/sso", response_model=SsoShape | None)
def sso_setting(request: Request) -> SsoShape | None:
    """Show how single sign-on is set, without the secret."""
    setting = sso.load(access_of(request))
    return None if setting is None else _sso_shape(setting)


@router.put("/sso", response_model=SsoShape)
def set_sso(request: Request, body: SsoShape) -> SsoShape:
    """Set single sign-on."""
    access, principal = access_of(request), principal_of(request)
    sso.save(access, _sso(body), principal.name, principal.via)
    kept = sso.load(access)
    assert kept is not None  # noqa: S101 It was kept a line above.
    return _sso_shape(kept)


@router.post("/sso/test", response_model=list[StepAnswer])
def test_sso(request: Request, body: SsoShape) -> list[StepAnswer]:
    """Try a setting without keeping it, and say of each step how it went."""
    steps = sso.test(access_of(request), _sso(body))
    return [StepAnswer(step=row.step, ok=row.ok, detail=row.detail) for row in steps]


@router.get("/audit", response_model=AuditPage)
def audit_log(
    request: Request,
    before: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = 100,
    who: Annotated[str | None, Query(max_length=200)] = None,
    act: Annotated[str | None, Query(max_length=200)] = None,
    object: Annotated[str | None, Query(max_length=200)] = None,  # noqa: A002 The word of the schema.
) -> AuditPage:
    """List entries, newest first. `act` matches its beginning."""
    with access_of(request).platform.database.reading() as connection:
        found = list(audit.entries(connection, before, limit, newest_first=True, who=who, act=act, object=object))
    more = found[-1].number if len(found) == limit and found[-1].number > 1 else None
    return AuditPage(items=[entry_answer(row) for row in found], before=more)


@router.get("/audit/verification", response_model=AuditAnswer)
def audit_verification(request: Request) -> AuditAnswer:
    """Check the whole chain and its checkpoints, and say what that can't prove."""
    access = access_of(request)
    with access.platform.database.reading() as connection:
        verdict = check(connection, audit_key(access.platform.secret).public_key())
    faults = [Fault(number=row.number, kind=row.kind, detail=row.detail) for row in verdict.faults]
    return AuditAnswer(
        entries=verdict.entries,
        checkpoints=verdict.checkpoints,
        head=verdict.head,
        faults=faults,
        unproven=list(verdict.unproven),
    )


@router.post("/audit/checkpoints", response_model=CheckpointAnswer, status_code=201)
def checkpoint(request: Request) -> CheckpointAnswer:
    """Sign the end of the log now and anchor it where the configuration says."""
    access = access_of(request)
    done = anchors.anchor(access.platform, access.options.anchors)
    made = done.checkpoint
    return CheckpointAnswer(
        number=made.number if made else None, hash=made.hash if made else None, anchored=list(done.places)
    )


def _sso(body: SsoShape) -> sso.Sso:
    return sso.Sso(
        body.enabled,
        body.issuer,
        body.client_id,
        body.secret,
        body.scopes,
        body.claim,
        tuple((row.group, row.role, row.site) for row in body.mapping),
        body.loopback,
        body.trust,
    )


def _sso_shape(setting: sso.Sso) -> SsoShape:
    mapping = [Mapped(group=group, role=role, site=site) for group, role, site in setting.mapping]  # type: ignore[arg-type]  # Roles were checked when it was kept.
    return SsoShape(
        enabled=setting.enabled,
        issuer=setting.issuer,
        client_id=setting.client_id,
        secret_set=setting.secret is not None,
        scopes=setting.scopes,
        claim=setting.claim,
        mapping=mapping,
        loopback=setting.loopback,
        trust=setting.trust,
    )
