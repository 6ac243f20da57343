"""Places: sites, their zones, and at which site the addresses of a domain are."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1", tags=["places"])
