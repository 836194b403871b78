"""What a person chose for a sheet, and how tiles are related."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pass
