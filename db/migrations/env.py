"""Alembic's entry: runs migrations on the connection that db.migrate hands over."""

from alembic import context

from db.models import Base, name_conditions

name_conditions(Base.metadata)
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
