"""What slowed down crawls and settling.

Entries of a crawl are counted by state and kind as they change: the index that counting them needed can go. Why
entries failed is asked crawl by crawl, so the index of what failed begins with the crawl. A consumer's list needs no
reference to the consumer: each row of it is made from that table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_index("ix_frontier_crawl_id_state_kind", "frontier")
    op.drop_index("ix_frontier_failed", "frontier")
    failed, columns = sa.text("state = 'failed'"), ["crawl_id", "reason", "id"]
    op.create_index("ix_frontier_failed", "frontier", columns, sqlite_where=failed, postgresql_where=failed)
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_consumer_todo_consumer_id", "consumer_todo", type_="foreignkey")
    else:
        _todo_anew()


def _todo_anew() -> None:
    """Write the table again: SQLite drops no constraint."""
    op.rename_table("consumer_todo", "consumer_todo_before")
    op.create_table(
        "consumer_todo",
        sa.Column("consumer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("image_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("consumer_id", "image_id", name=op.f("pk_consumer_todo")),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO consumer_todo SELECT consumer_id, image_id FROM consumer_todo_before ORDER BY 1, 2")
    op.drop_table("consumer_todo_before")
