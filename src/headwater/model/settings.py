"""What `headwater.yml` says of the company."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.model.period import Calendar

ENGINES = {
    "duckdb": "duckdb",
    "postgresql": "postgres",
    "postgres": "postgres",
    "spark": "spark",
    "chdb": "clickhouse",
}
"""How the address of an engine begins, and whose spellings it then understands."""

FILES = "duckdb"
"""The engine inside, which reads the stored files: what builds and checks them, whichever engine answers questions."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Company name, reporting currency (ISO 4217), time zone (IANA name) and calendar; `engine` is the address of what
    answers questions, `loader` the address under which tables are brought there and `role` who may read them then
    (where the engine keeps tables of its own); `kpis` holds overrides by KPI id (small_sample, tolerance, mature), as
    given; `locale` is how the page writes numbers and dates (CLDR, such as `en` or `de_DE`); `demo`: the company is
    made up, and the page shows newcomers around; `upload_mb` is the largest file that the page takes in."""

    company: str = ""
    currency: str = "EUR"
    time_zone: str = "UTC"
    calendar: Calendar = field(default_factory=Calendar)
    engine: str = FILES
    memory_mb: int = 2048
    threads: int = 2
    rate_days: int = 7
    locale: str = "en"
    demo: bool = False
    upload_mb: int = 1024
    loader: str = ""
    role: str = ""
