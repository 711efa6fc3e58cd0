"""The shipped catalogue as a whole: it loads, lint is silent about it, and its cache gives the same."""

from pathlib import Path

import headwater
from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.lint import lint
from headwater.model.catalogue import Catalogue
from headwater.model.expression import ColumnName

SHIPPED = Path(headwater.__file__).parent / "catalogue"


def sizes(catalogue: Catalogue) -> tuple[int, ...]:
    return len(catalogue.tables), len(catalogue.measures), len(catalogue.kpis)


def test_every_file_is_in_the_catalogue() -> None:
    files = tuple(len(list((SHIPPED / folder).glob("*.yml"))) for folder in ("tables", "measures", "kpis"))
    assert sizes(load_catalogue(SHIPPED)) == files


def test_lint_is_silent() -> None:
    assert [str(note) for note in lint(load_catalogue(SHIPPED))] == []


def test_the_cache_gives_the_same(tmp_path: Path) -> None:
    cache = tmp_path / "catalogue.json"
    cold, warm = load_catalogue(SHIPPED, None, cache), load_catalogue(SHIPPED, None, cache)
    assert type(cold.kpis) is not type(warm.kpis)
    assert warm == cold
    assert [k.hash for k in warm.kpis.values()] == [k.hash for k in cold.kpis.values()]


def test_columns_whose_values_are_counted_have_numbers() -> None:
    catalogue = load_catalogue(SHIPPED)
    counts = [m for m in catalogue.measures.values() if m.aggregate == "count_distinct"]
    assert counts
    for measure in counts:
        assert isinstance(measure.column, ColumnName), measure.id
        column = catalogue.tables[measure.table].column(measure.column.id)
        assert column is not None and column.counted, f"{measure.table}.{measure.column.id}, for {measure.id}"
