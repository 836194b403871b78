"""What a catalog of millions and a pool of machines need."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    pass
