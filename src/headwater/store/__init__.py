"""The store: the only code that writes data, and the only place that knows where it lies."""
