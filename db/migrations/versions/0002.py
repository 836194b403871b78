"""The facts kept of a decoded image."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("image", sa.Column("alpha", sa.Text(), nullable=True))
    op.add_column("image", sa.Column("colours", sa.Integer(), nullable=True))
    op.add_column("image", sa.Column("upscale", sa.Integer(), nullable=True))
    op.add_column("frame", sa.Column("mode", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("frame", sa.Column("palette_size", sa.Integer(), nullable=True))
    op.add_column("frame", sa.Column("partial", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("frame", sa.Column("label", sa.Text(), server_default=sa.text("''"), nullable=False))
