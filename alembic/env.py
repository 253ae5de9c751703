"""Alembic's entry: which database, then the safe run that `dbkit.migrations` describes."""

from logging.config import fileConfig

from alembic import context
from dbkit.migrations import run_offline, run_online

if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    run_offline()
else:
    run_online()
