"""How often work was asked for: a result settles only what was asked when its work began."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # With a constant default, both databases add a column without touching a row.
    op.add_column("ledger", sa.Column("asked", sa.Integer(), server_default=sa.text("0"), nullable=False))
