"""What consumers of ours derive from pixels: features of images, and scenes of films."""

from sqlalchemy import (
    Column,
    ColumnClause,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)

from db.models.base import NEVER_REUSED, Base, BigId


class FeatureModel(Base):
    """A way to turn an image into a row of numbers. Another version is another model."""

    __tablename__ = "feature_model"
    __table_args__ = (UniqueConstraint("name", "version"), NEVER_REUSED)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    name: ColumnClause[str] = Column(Text)
    version: ColumnClause[int] = Column(Integer)
    dimension: ColumnClause[int] = Column(Integer)
    distance: ColumnClause[str] = Column(Text)


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
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    model_id: ColumnClause[int] = Column(ForeignKey("feature_model.id"))
    image_id: ColumnClause[int] = Column(ForeignKey("image.id"))
    vector: ColumnClause[bytes | None] = Column(LargeBinary)
    problem: ColumnClause[str] = Column(Text, default="", server_default=text("''"))


class Video(Base):
    """A film whose frames were indexed, named by its bytes."""

    __tablename__ = "video"
    __table_args__ = (NEVER_REUSED,)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    sha256: ColumnClause[bytes] = Column(LargeBinary, unique=True)
    path: ColumnClause[str] = Column(Text)
    duration_s: ColumnClause[float] = Column(Float)


class Scene(Base):
    """A frame of a film that differs from the one before, by its time and its hashes (see index.scenes)."""

    __tablename__ = "scene"
    video_id: ColumnClause[int] = Column(ForeignKey("video.id"), primary_key=True)
    time_ms: ColumnClause[int] = Column(Integer, primary_key=True)
    hash: ColumnClause[bytes] = Column(LargeBinary)
    layout: ColumnClause[bytes] = Column(LargeBinary)
