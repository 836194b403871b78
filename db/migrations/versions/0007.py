"""Entries of a crawl are counted by state and kind as they change: the index that counting them needed can go.

Why entries failed is asked crawl by crawl, so the index of what failed begins with the crawl.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_index("ix_frontier_crawl_id_state_kind", "frontier")
    op.drop_index("ix_frontier_failed", "frontier")
    failed = {"sqlite_where": sa.text("state = 'failed'"), "postgresql_where": sa.text("state = 'failed'")}
    op.create_index("ix_frontier_failed", "frontier", ["crawl_id", "reason", "id"], **failed)
