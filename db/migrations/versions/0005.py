"""Features of images, the catalog's own."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass
