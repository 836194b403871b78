"""What a catalog of millions and a pool of machines need: totals, consumers, changes, and indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PROBLEM = sa.text("outcome IN ('partial', 'encrypted', 'damaged', 'refused', 'failed')")


def upgrade() -> None:
    _tables()
    for table in ("ledger", "frontier"):
        # What older versions wrote may be too long for the indexes below.
        op.execute(f"UPDATE {table} SET reason = substr(reason, 1, 600) WHERE length(reason) > 600")  # noqa: S608
    op.create_index(
        "ix_ledger_problem",
        "ledger",
        ["stage", "outcome", "reason", "subject_id"],
        sqlite_where=PROBLEM,
        postgresql_where=PROBLEM,
    )
    op.drop_index("ix_ledger_stage_outcome", "ledger")
    failed = sa.text("state = 'failed'")
    op.create_index("ix_frontier_failed", "frontier", ["reason", "id"], sqlite_where=failed, postgresql_where=failed)
    op.execute("INSERT INTO change (image_id, kind) SELECT id, 'new' FROM image ORDER BY id")
    op.execute("INSERT INTO recheck (file_id) SELECT id FROM file WHERE blob_id IS NOT NULL")


def _tables() -> None:
    op.create_table(
        "tally",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally")),
    )
    op.create_index("ix_tally_name_key", "tally", ["name", "key"])
    op.create_table(
        "consumer",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consumer")),
        sa.UniqueConstraint("name", name=op.f("uq_consumer_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "consumer_todo",
        sa.Column("consumer_id", BIG_ID, nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["consumer_id"], ["consumer.id"], name=op.f("fk_consumer_todo_consumer_id")),
        sa.PrimaryKeyConstraint("consumer_id", "image_id", name=op.f("pk_consumer_todo")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "change",
        sa.Column("cursor", BIG_ID, nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_change")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "change_pending",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_pending")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "recheck",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("file_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("image_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recheck")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "withdrawn",
        sa.Column("image_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_withdrawn")),
    )
