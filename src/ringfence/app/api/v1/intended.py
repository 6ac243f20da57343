"""What should be there."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1", tags=["intended"])
