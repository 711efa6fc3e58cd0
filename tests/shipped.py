"""The shipped definitions for the tests of a process, which read their hundreds of files once."""

from functools import cache

from headwater.api.folder import SHIPPED
from headwater.metrics.catalogue import load_catalogue
from headwater.model.catalogue import Catalogue


@cache
def shipped() -> Catalogue:
    """The catalogue of the shipped folder alone."""
    return load_catalogue(SHIPPED)
