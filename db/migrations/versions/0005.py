"""Features of images, the catalog's own, and scenes of films."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "feature_model",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("distance", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_model")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_feature_model_name_version")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "feature",
        sa.Column("id", BIG, nullable=False),
        sa.Column("model_id", BIG, nullable=False),
        sa.Column("image_id", BIG, nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("problem", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["feature_model.id"], name=op.f("fk_feature_model_id")),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_feature_image_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature")),
        sa.UniqueConstraint("model_id", "image_id", name=op.f("uq_feature_model_id_image_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feature_model_id_id", "feature", ["model_id", "id"])
    op.create_table(
        "video",
        sa.Column("id", BIG, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video")),
        sa.UniqueConstraint("sha256", name=op.f("uq_video_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "scene",
        sa.Column("video_id", BIG, nullable=False),
        sa.Column("time_ms", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_scene_video_id")),
        sa.PrimaryKeyConstraint("video_id", "time_ms", name=op.f("pk_scene")),
    )
