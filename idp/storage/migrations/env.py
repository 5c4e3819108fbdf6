"""Alembic's entry: runs the migrations inside the transaction that ``idp.storage.migrate`` began."""

from __future__ import annotations

from alembic import context

from idp.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
