"""The facts kept of a decoded image."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    pass
