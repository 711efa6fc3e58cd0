"""Engine adapters: one module an engine, and nobody else imports its driver."""
