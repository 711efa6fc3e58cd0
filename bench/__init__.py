"""How fast Headwater is, held against the floor: `python -m bench`."""
