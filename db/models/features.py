"""What consumers of ours derive from pixels: features of images, and scenes of films."""

from sqlalchemy import (
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSED, Base, BigId


class FeatureModel(Base):
    """A way to turn an image into a row of numbers. Another version is another model."""

    __tablename__ = "feature_model"
    __table_args__ = (UniqueConstraint("name", "version"), NEVER_REUSED)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    dimension: Mapped[int] = mapped_column(Integer)
    distance: Mapped[str] = mapped_column(Text)


class Feature(Base):
    """An image's row by one model, little-endian, or (`vector` missing) why there is none.

    `id` only grows, so that a copy of the rows knows what it lacks.
    """

    __tablename__ = "feature"
    __table_args__ = (
        UniqueConstraint("model_id", "image_id"),
        Index("ix_feature_model_id_id", "model_id", "id"),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("feature_model.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    problem: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))


class Video(Base):
    """A film whose frames were indexed, named by its bytes."""

    __tablename__ = "video"
    __table_args__ = (NEVER_REUSED,)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    path: Mapped[str] = mapped_column(Text)
    duration_s: Mapped[float] = mapped_column(Float)


class Scene(Base):
    """A frame of a film that differs from the one before, by its time and its hashes (see index.scenes)."""

    __tablename__ = "scene"
    video_id: Mapped[int] = mapped_column(ForeignKey("video.id"), primary_key=True)
    time_ms: Mapped[int] = mapped_column(Integer, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    layout: Mapped[bytes] = mapped_column(LargeBinary)
