"""Entries of a crawl are counted by state and kind as they change: the index that counting them needed can go."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_index("ix_frontier_crawl_id_state_kind", "frontier")
