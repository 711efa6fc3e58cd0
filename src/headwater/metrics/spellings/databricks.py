"""Databricks SQL: Spark's words. Spelled, and not run by our tests."""

from __future__ import annotations

from headwater.metrics.spellings.spark import Spark


class Databricks(Spark):
    """The words of Databricks SQL warehouses."""

    engine = "databricks"
    dialect = "databricks"


SPELLING = Databricks()
