"""The page: routes that call one verb, templates that show its answer. Browser code lies in the folder `web/`."""
