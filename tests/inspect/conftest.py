"""The demo, as the tests of the demo make it."""

from tests.demo.conftest import demo

__all__ = ["demo"]
