"""What a person chose for a sheet, and how tiles are related."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Plain columns: adding them costs nothing, however many tiles there are.
    op.add_column("sheet", sa.Column("candidates", sa.JSON(), nullable=True))
    op.add_column("sheet", sa.Column("upscale", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("tile", sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("tile", sa.Column("orientation", sa.SmallInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("tile", sa.Column("tag", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("tile", sa.Column("alike_id", sa.BigInteger(), nullable=True))
    op.add_column("image", sa.Column("orientation_hash", sa.LargeBinary(), nullable=True))
    op.create_index("ix_image_orientation_hash", "image", ["orientation_hash"])
    op.create_index("ix_sheet_confidence", "sheet", ["confidence"])
    op.create_table(
        "sheet_choice",
        sa.Column("image_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tile_width", sa.Integer(), nullable=True),
        sa.Column("tile_height", sa.Integer(), nullable=True),
        sa.Column("margin_x", sa.Integer(), nullable=True),
        sa.Column("margin_y", sa.Integer(), nullable=True),
        sa.Column("spacing_x", sa.Integer(), nullable=True),
        sa.Column("spacing_y", sa.Integer(), nullable=True),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_sheet_choice_image_id")),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_sheet_choice")),
    )
