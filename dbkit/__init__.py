"""A backend that lives inside Postgres; this package calls it, carries it and watches it."""
