"""Sources: where files lie, what their columns mean, and how they become staged, typed rows and a quarantine."""
